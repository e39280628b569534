# The exporter as a single static binary.
#
#   docker build -t platform_exporter --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) .
#
# Reproducible: the same sources, lock file and SOURCE_DATE_EPOCH produce the same binary, without build paths.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
# What writes the SBOM. Before the flags below, which are not for it, and before the sources, so that it is built once.
RUN --mount=type=cache,target=/usr/local/cargo/registry cargo install --locked cargo-cyclonedx@0.5.9
ARG SOURCE_DATE_EPOCH=0
# glibc is linked statically: since 2.34, it needs no libraries at run time to look up names. With --target, the flags do
# not reach procedural macros, which cannot be static.
ENV SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH \
    CARGO_INCREMENTAL=0 \
    RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=/src=. --remap-path-prefix=/usr/local/cargo=cargo"
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    target=$(rustc --print host-tuple) \
    && cargo build --locked --release --bin platform_exporter --target "$target" \
    && mkdir -p /root-of-image/etc/ssl/certs /root-of-image/var/lib/platform_exporter /root-of-image/tmp \
    && cp "target/$target/release/platform_exporter" /root-of-image/platform_exporter \
    && cp /etc/ssl/certs/ca-certificates.crt /root-of-image/etc/ssl/certs/ \
    && scripts/sbom.sh /root-of-image/usr/share/doc/platform-exporter/platform_exporter.cdx.json \
    && find /root-of-image -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="platform_exporter" \
      org.opencontainers.image.description="Prometheus exporter for every backing service of a SaaS platform" \
      org.opencontainers.image.source="https://github.com/platform-exporter/platform_exporter" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION
COPY --from=build --chown=65532:65532 /root-of-image/ /
USER 65532:65532
EXPOSE 9884
VOLUME /var/lib/platform_exporter
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s CMD ["/platform_exporter", "healthcheck"]
ENTRYPOINT ["/platform_exporter", "--storage.path=/var/lib/platform_exporter"]
