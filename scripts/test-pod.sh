#!/usr/bin/env bash
# Runs the pod of the Kubernetes manifests as a container on a Docker engine: that of `bundle`, and that of the Helm chart
# if Helm is there (`make deps`). Arguments, variables, mounts, limits and the security context are those of the manifest;
# files are mounted as a kubelet does. Needs the image (docker compose build exporter), and python3-yaml.
# shellcheck disable=SC2046
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh

# Names of containers, volumes and the network begin with it. `this` is the present pod.
name=platform_exporter_pod_$$ this=$name
work=$(mktemp -d)
image=$(sed -n 's/^ *image: //p' deploy/kubernetes/exporter.yaml)
redis=$(sed -n '/image: redis:/{s/.*image: //p;q}' docker-compose.yml)
helm=${PLATFORM_EXPORTER_DEPS:-.deps}/helm/helm
# What `derive` makes of a manifest.
run=() probes=() port='' group='' grace=''

finish() {
  code=$?
  [ "$code" = 0 ] || docker logs --tail 20 "$this" >&2 || true
  {
    kill $(jobs -p)
    docker rm --force --volumes $(docker ps --all --quiet --filter "name=$name")
    docker volume rm $(docker volume ls --quiet --filter "name=$name")
    docker network rm "$name"
  } >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$code"
}

# What `docker run` needs for the pod of a manifest, and the files of its volumes: derive MANIFEST
derive() {
  python3 - "$1" "$work" "$this" <<'PYTHON'
import os, pathlib, shlex, sys, yaml

manifest, work, name = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
objects = [item for item in yaml.safe_load_all(open(manifest)) if item]
pod = next(item for item in objects if item["kind"] == "Deployment")["spec"]["template"]["spec"]
[container] = pod["containers"]
[port] = container["ports"]
context = {**pod.get("securityContext", {}), **container["securityContext"]}
group = context.get("fsGroup", 0)
run, probes = [], []

# What a manifest leaves out is not restricted in a pod either.
run += [flag for flag, wanted in (
    (f"--user={context.get('runAsUser')}:{context.get('runAsGroup', 0)}", "runAsUser" in context),
    (f"--group-add={group}", group),
    ("--read-only", context.get("readOnlyRootFilesystem")),
    ("--security-opt=no-new-privileges:true", context.get("allowPrivilegeEscalation") is False),
    ("--security-opt=seccomp=unconfined", context.get("seccompProfile") != {"type": "RuntimeDefault"}),
) if wanted]
run += [f"--cap-drop={each}" for each in context.get("capabilities", {}).get("drop", [])]
# Docker writes Mi as M. There is no other limit.
[memory] = container["resources"]["limits"].values()
run += [f"--memory={memory.rstrip('i')}", f"--memory-swap={memory.rstrip('i')}"]

# Each pod has the variables of the Services of its namespace.
for service in (item["metadata"]["name"] for item in objects if item["kind"] == "Service"):
    prefix = service.upper().replace("-", "_")
    run += [f"--env={prefix}_SERVICE_HOST=10.96.0.9", f"--env={prefix}_PORT=tcp://10.96.0.9:9884"]
if container.get("envFrom"):
    run.append(f"--env-file={work}/environment")
maps = {item["metadata"]["name"]: item["data"] for item in objects if item["kind"] == "ConfigMap"}
sources = {each["name"]: each for each in pod["volumes"]}
for mount in container["volumeMounts"]:
    volume, path, source = mount["name"], mount["mountPath"], sources[mount["name"]]
    if "emptyDir" in source:
        run.append(f"--tmpfs={path}:mode=2777,gid={group}")
        continue
    run.append(f"--volume={name}_{volume}:{path}{':ro' if mount.get('readOnly') else ''}")
    files = {each.name: each.read_text() for each in (work / volume).iterdir()}
    files = maps.get(source.get("configMap", {}).get("name"), files)
    mode = (source.get("configMap") or source["secret"]).get("defaultMode", 0o644)
    # Each file is a link into a directory, which is replaced as a whole.
    tree = work / "volumes" / volume
    (tree / "..1").mkdir(parents=True)
    (tree / "..new").symlink_to("..1")
    for file, text in files.items():
        (tree / file).symlink_to(f"..data/{file}")
        (tree / "..1" / file).write_text(text)
        (tree / "..1" / file).chmod(mode | (0o040 if group else 0))

for kind in ("startup", "readiness", "liveness"):
    if probe := container.get(f"{kind}Probe"):
        assert probe["httpGet"]["port"] in (port["name"], port["containerPort"])
        usual = (("periodSeconds", 10), ("timeoutSeconds", 1), ("failureThreshold", 3))
        settings = (str(probe.get(key, value)) for key, value in usual)
        probes.append(" ".join([kind, probe["httpGet"]["path"], *settings]))
run += [f"--publish=127.0.0.1::{port['containerPort']}", container["image"], *container["args"]]
print(f"run=({shlex.join(run)}) probes=({shlex.join(probes)})")
print(f"port={port['containerPort']} group={group} grace={pod.get('terminationGracePeriodSeconds', 30)}")
PYTHON
}

# Writes the files of a volume, and exchanges them at once: fill VOLUME
fill() {
  tar --create --directory "$work/volumes/$1" --owner=0 --group="$group" --numeric-owner . |
    docker run --rm --interactive --user 0 --entrypoint sh --volume "${this}_$1:/volume" "$redis" \
      -c 'tar -x -C /volume && mv -T /volume/..new /volume/..data'
}

# Probes as a kubelet does, with a line for each: probe KIND PATH PERIOD TIMEOUT
probe() {
  while sleep "$3"; do
    curl --silent --output /dev/null --max-time "$4" --write-out '%{http_code}\n' "http://$address$2" || true
  done >"$work/$1" 2>&1
}
# Whether the last probe succeeds, and fewer in a row fail than a kubelet bears: is_well KIND THRESHOLD
is_well() { awk -v most="$2" '{row = /^[23]/ ? 0 : row + 1} row >= most {bad = 1} END {exit bad || row || !NR}' "$work/$1"; }
up() { curl --silent --fail --max-time 5 "http://$address/metrics" | grep '^platform_source_up{'; }
# Whether there are so many sources, all of them up: are_up COUNT
are_up() { local up && up=$(up) && [ "$(grep -c ' 1$' <<<"$up") $(wc -l <<<"$up")" = "$1 $1" ]; }

pod() {
  local manifest=$1 derived pid may volume each kind path period timeout threshold state
  step "$manifest: start"
  this=${name}_$manifest
  rm -rf "$work/volumes"
  derived=$(derive "$work/$manifest/exporter.yaml")
  eval "$derived"
  for volume in "$work"/volumes/*; do fill "${volume##*/}"; done
  echo "docker run ${run[*]}"
  # An image that Compose has built has the label of its project, by which test-compose finds what is left.
  docker run --detach --name "$this" --label com.docker.compose.project= --network "$name" "${run[@]}" >/dev/null
  address=$(docker port "$this" "$port")
  for each in "${probes[@]}"; do
    read -r kind path period timeout _ <<<"$each"
    probe "$kind" "$path" "$period" "$timeout" &
  done
  await 30 "not every source is up" are_up 2

  step "$manifest: what it may do"
  pid=$(docker inspect --format '{{.State.Pid}}' "$this")
  may=$(awk '/^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):/ {print $1, $2}' "/proc/$pid/status" | xargs)
  echo "$may"
  [ "$may" = "Uid: 65532 CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1 Seccomp: 2" ] ||
    fail "it may do more than it should"
  { docker exec "$this" /platform_exporter bundle --out /written 2>&1 || true; } |
    grep 'Read-only file system' || fail "its root file system is not read-only"

  step "$manifest: a changed ConfigMap is read"
  mv "$work/volumes/config/..1" "$work/volumes/config/..2"
  ln -sfn ..2 "$work/volumes/config/..new"
  echo '  added: {redis: {url: "redis://redis/2", password_file: /run/secrets/cache}}' >>"$work/volumes/config/..2/platform.yml"
  fill config
  await 60 "the source that was added is not up" are_up 3

  step "$manifest: end"
  awk '/^VmHWM/ {print "memory: " $2 * 1024 " bytes at most"}' "/proc/$pid/status"
  kill $(jobs -p)
  docker stop -t "$grace" "$this" >/dev/null
  state=$(docker inspect --format '{{.State.ExitCode}} {{.State.OOMKilled}}' "$this")
  [ "$state" = "0 false" ] || fail "its exit code, and whether it had too little memory: $state"
  for each in "${probes[@]}"; do
    read -r kind path period timeout threshold <<<"$each"
    echo "$kind: $path every $period s: $(sort "$work/$kind" | uniq -c | xargs)"
    is_well "$kind" "$threshold" || fail "the $kind probe fails"
  done
}

docker image inspect "$image" >/dev/null || fail "no image: docker compose build exporter"
trap finish EXIT
umask 0022
mkdir "$work"/{chart,config,secrets}
cat >"$work/config/platform.yml" <<'YAML'
sources:
  cache: {redis: {url: "redis://redis", password_file: /run/secrets/cache}}
  sessions: {redis: {url: "${SESSIONS_URL}", password_file: /run/secrets/cache}}
YAML
echo secret-of-the-cache >"$work/secrets/cache"
echo SESSIONS_URL=redis://redis/1 >"$work/environment"

step "Redis, and the manifests"
docker network create "$name" >/dev/null
docker run --detach --name "${name}_redis" --network "$name" --network-alias redis "$redis" \
  redis-server --requirepass secret-of-the-cache >/dev/null
docker run --rm --user "$(id -u):$(id -g)" --volume "$work:/pod" --env-file "$work/environment" "$image" bundle \
  --config.file /pod/config/platform.yml --format kubernetes --out /pod/bundle >/dev/null
manifests=(bundle)
if [ -x "$helm" ]; then
  "$helm" template pod deploy/helm/platform_exporter --set-file config="$work/config/platform.yml" >"$work/chart/exporter.yaml"
  manifests+=(chart)
fi
for manifest in "${manifests[@]}"; do pod "$manifest"; done
step "Started, restricted, probed, changed and stopped: ${manifests[*]}"
