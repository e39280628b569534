# The exporter as a single static binary.
#
#   docker build -t platform_exporter --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) .
#
# Reproducible: the same sources, lock file and SOURCE_DATE_EPOCH produce the same binary, without build paths.
# Alpine's toolchain links statically by default. `+crt-static` would hit procedural macros as well, which cannot be.
FROM rust:1.95.0-alpine3.22 AS build
RUN apk add --no-cache gcc make musl-dev ca-certificates
WORKDIR /src
ARG SOURCE_DATE_EPOCH=0
ENV SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH \
    CARGO_INCREMENTAL=0 \
    RUSTFLAGS="--remap-path-prefix=/src=. --remap-path-prefix=/usr/local/cargo=cargo"
COPY . .
RUN cargo build --locked --release --bin platform_exporter \
    && mkdir -p /root-of-image/etc/ssl/certs /root-of-image/var/lib/platform_exporter /root-of-image/tmp \
    && cp target/release/platform_exporter /root-of-image/platform_exporter \
    && cp /etc/ssl/certs/ca-certificates.crt /root-of-image/etc/ssl/certs/ \
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
