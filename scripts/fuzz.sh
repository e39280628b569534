#!/usr/bin/env bash
# Feeds each parser arbitrary input for a bounded time: scripts/fuzz.sh SECONDS [TARGET…]. Ends with 1 at a finding,
# which is then in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."

time=$1
shift
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
if cargo +nightly --version >/dev/null 2>&1; then
  cargo=(cargo +nightly)
else
  # The flags of the coverage are not stable yet.
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
  # Configurations begin with the examples, everything else with answers in the form of the service.
  case $target in
    config)
      for example in kinds/*/example.yml platforms/*/example.yml; do
        cp "$example" "fuzz/corpus/config/$(basename "$(dirname "$example")").yml"
      done
      ;;
    web_config) seeds=(examples/web) ;;
    *) [ -d "fuzz/seeds/$target" ] && seeds=("fuzz/seeds/$target") ;;
  esac
  # No address sanitizer: the exporter has no unsafe code, and without it twice as much is tried.
  "${cargo[@]}" fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "${seeds[@]}" -- \
    -max_total_time="$time" -timeout=20 -rss_limit_mb=2048 -max_len=65536 -verbosity=0 -print_final_stats=1
done
