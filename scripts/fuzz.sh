#!/usr/bin/env bash
# Fuzzes each parser for a limited time: scripts/fuzz.sh SECONDS [TARGET…]. Exits with 1 on a finding, which is saved in
# fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."

time=$1
shift
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
if cargo +nightly --version >/dev/null 2>&1; then
  cargo=(cargo +nightly)
else
  # The coverage flags are not stable yet.
  export RUSTC_BOOTSTRAP=1
  cargo=(cargo)
fi
if [ $# -eq 0 ]; then
  mapfile -t targets < <(cargo fuzz list)
  set -- "${targets[@]}"
fi
for target; do
  printf '==> %s, %s s\n' "$target" "$time"
  mkdir -p "fuzz/corpus/$target"
  seeds=()
  # Configurations start from the examples, everything else from well-formed responses of the service.
  case $target in
    config)
      for example in kinds/*/example.yml platforms/*/example.yml; do
        cp "$example" "fuzz/corpus/config/$(basename "$(dirname "$example")").yml"
      done
      ;;
    web_config) seeds=(examples/web) ;;
    *) [ -d "fuzz/seeds/$target" ] && seeds=("fuzz/seeds/$target") ;;
  esac
  # No address sanitizer: the exporter has no unsafe code, and fuzzing is twice as fast without it.
  "${cargo[@]}" fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "${seeds[@]}" -- \
    -max_total_time="$time" -timeout=20 -rss_limit_mb=2048 -max_len=65536 -verbosity=0 -print_final_stats=1
done
