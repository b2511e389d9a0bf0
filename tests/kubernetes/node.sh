#!/usr/bin/env bash
# A Kubernetes node of one's own, and a command that runs in it: process 1 of a set of namespaces, so that everything
# ends when this script does. script/test_kubernetes makes the namespaces and the scratch directory.
#
#   node.sh SCRATCH TOOLS IMAGE_ARCHIVE COMMAND...
#
# TOOLS is what script/bootstrap kubernetes makes: the commands of Kubernetes, `debian` with containerd, etcd and the CNI
# plugins, and `pause.tar`. COMMAND gets KUBECONFIG, NODE_NAME, CONTAINERD_SOCKET (ctr's --address), KUBELET_ROOT, SCRATCH
# and VOLUMES, a directory for volumes. Logs are in SCRATCH/log.
set -euo pipefail

scratch=$1 tools=$2 image=$3
shift 3
here=$(dirname "$(readlink -f "$0")")
debian=$tools/debian/usr
PATH="$tools:$debian/bin:$debian/sbin:$PATH"

export NODE_NAME=node1
NODE_IP=192.168.77.1  # cluster.yaml names it too
POD_RANGE=10.244.0.0/24
SERVICE_RANGE=10.96.0.0/16
API_SERVICE_IP=10.96.0.1
DNS_SERVICE_IP=10.96.0.10
STEP_MAX_SECONDS=120

logs=$scratch/log pki=$scratch/pki
export KUBECONFIG=$pki/admin.kubeconfig CONTAINERD_SOCKET=$scratch/containerd/containerd.sock VOLUMES=$scratch/volumes
export KUBELET_ROOT=$scratch/kubelet/root SCRATCH=$scratch HOME=$scratch/home  # kubectl and helm keep caches there
mkdir -p "$logs" "$pki" "$VOLUMES" "$scratch"/{etcd,containerd,cni,home,kubelet}
declare -A processes=()  # by name

say() { printf '==> node: %s\n' "$*" >&2; }

show_logs() { tail -n 8 "$logs"/*.log | cut -c 1-300 >&2; }

failed() {
  show_logs
  say "FAILED: $*"
  exit 1
}

# start NAME COMMAND...: a part of the node, with its own log.
start() {
  local name=$1
  shift
  "$@" >"$logs/$name.log" 2>&1 </dev/null &
  processes[$name]=$!
}

# await WHAT COMMAND...: until the command succeeds. Fails when that takes too long or a part of the node has ended.
await() {
  local what=$1 deadline=$((SECONDS + STEP_MAX_SECONDS)) name
  shift
  until "$@" >"$logs/await" 2>&1; do
    for name in "${!processes[@]}"; do
      kill -0 "${processes[$name]}" 2>/dev/null || failed "$name has ended while waiting until $what"
    done
    [[ $SECONDS -lt $deadline ]] || failed "not within $STEP_MAX_SECONDS s: $what: $(tail -n 3 "$logs/await")"
    sleep 0.1
  done
}

is_open() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

coredns_is_ready() {
  exec 3<>"/dev/tcp/$NODE_IP/8181" && printf 'GET /ready HTTP/1.0\r\n\r\n' >&3 && grep -q ' 200 ' <&3
}

# What the parts of the node write outside of SCRATCH goes to memory, and is gone with the namespaces.
isolate_files() {
  mount --make-rshared /  # of these namespaces: the kubelet hands mounts on to containers
  mount -t sysfs sysfs /sys
  local directory
  for directory in /run /var/lib /var/log; do mount -t tmpfs tmpfs "$directory"; done
}

# The cgroups that are seen are those below the node's own, which script/test_kubernetes made.
isolate_cgroups() {
  local controllers
  if [[ $cgroup_type == cgroup2fs ]]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mkdir /sys/fs/cgroup/node  # a cgroup whose controllers are shared out may hold no process itself
    echo 0 >/sys/fs/cgroup/node/cgroup.procs
    read -r controllers </sys/fs/cgroup/cgroup.controllers
    echo "+${controllers// / +}" >/sys/fs/cgroup/cgroup.subtree_control
    return
  fi
  mount -t tmpfs tmpfs /sys/fs/cgroup
  while IFS=: read -r _ controllers _; do
    [[ -n $controllers ]] || continue  # the hierarchy of version 2 beside those of version 1
    local directory=/sys/fs/cgroup/${controllers#name=} options=$controllers
    [[ $controllers != name=* ]] || options=none,$controllers
    mkdir "$directory"
    mount -t cgroup -o "$options" cgroup "$directory"
  done </proc/self/cgroup
}

isolate_network() {
  hostname "$NODE_NAME"
  ip link set lo up
  ip link add node0 type bridge
  ip address add "$NODE_IP/24" dev node0
  ip link set node0 up
  ip route add default dev node0
  echo 1 >/proc/sys/net/ipv4/ip_forward
  # Between two pods of one bridge, too, kube-proxy's rules must see the answers.
  [[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ]] || echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
}

start_control_plane() {
  start etcd etcd --data-dir "$scratch/etcd" --unsafe-no-fsync \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380
  await "etcd listens" is_open 127.0.0.1 2379
  start apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=127.0.0.1 --secure-port=6443 \
    --advertise-address="$NODE_IP" --service-cluster-ip-range="$SERVICE_RANGE" --cert-dir="$pki" \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
    --kubelet-client-certificate="$pki/apiserver_to_kubelet.crt" \
    --kubelet-client-key="$pki/apiserver_to_kubelet.key" --kubelet-certificate-authority="$pki/ca.crt" \
    --kubelet-preferred-address-types=InternalIP --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$pki/service_accounts.pub" \
    --service-account-signing-key-file="$pki/service_accounts.key" --authorization-mode=Node,RBAC \
    --enable-admission-plugins=NodeRestriction --anonymous-auth=false --allow-privileged=true
  start controller_manager kube-controller-manager --kubeconfig="$pki/controller_manager.kubeconfig" \
    --service-account-private-key-file="$pki/service_accounts.key" --root-ca-file="$pki/ca.crt" \
    --use-service-account-credentials --leader-elect=false --bind-address=127.0.0.1
  start scheduler kube-scheduler --kubeconfig="$pki/scheduler.kubeconfig" --leader-elect=false --bind-address=127.0.0.1
}

start_containerd() {
  cat >"$scratch/containerd.toml" <<END
version = 2
root = "$scratch/containerd/root"
state = "$scratch/containerd/state"
[grpc]
  address = "$CONTAINERD_SOCKET"
[plugins."io.containerd.internal.v1.opt"]
  path = "$scratch/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  disable_apparmor = true
  # Where the machine may not lower it (no CAP_SYS_RESOURCE), runc would fail.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$tools/debian/usr/lib/cni"
    conf_dir = "$scratch/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
END
  cat >"$scratch/cni/10-bridge.conflist" <<END
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$POD_RANGE"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
  start containerd containerd --config "$scratch/containerd.toml"
  await "containerd answers" ctr --address "$CONTAINERD_SOCKET" version
  local archive
  for archive in "$tools/pause.tar" "$image"; do
    ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io images import "$archive" >"$logs/import.log" 2>&1 ||
      failed "cannot import $archive: $(<"$logs/import.log")"
  done
}

start_kubelet() {
  cat >"$scratch/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $NODE_IP
healthzBindAddress: 127.0.0.1
tlsCertFile: $pki/kubelet_serving.crt
tlsPrivateKeyFile: $pki/kubelet_serving.key
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix://$CONTAINERD_SOCKET
failSwapOn: false
failCgroupV1: false
podLogsDir: $scratch/kubelet/pod_logs
resolvConf: ""
clusterDomain: cluster.local
clusterDNS: [$DNS_SERVICE_IP]
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
imageGCHighThresholdPercent: 100
END
  start kubelet kubelet --config="$scratch/kubelet.yaml" --kubeconfig="$pki/kubelet.kubeconfig" \
    --root-dir="$KUBELET_ROOT" --hostname-override="$NODE_NAME" --node-ip="$NODE_IP"
  cat >"$scratch/kube_proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $pki/kube_proxy.kubeconfig}
hostnameOverride: $NODE_NAME
mode: iptables
clusterCIDR: $POD_RANGE
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
conntrack: {maxPerCore: 0}
END
  start kube_proxy kube-proxy --config="$scratch/kube_proxy.yaml"
  cat >"$scratch/Corefile" <<END
.:53 {
  errors
  ready $NODE_IP:8181
  kubernetes cluster.local {
    kubeconfig $pki/coredns.kubeconfig
  }
}
END
  start coredns coredns -conf "$scratch/Corefile"
}

node_is_ready() {
  kubectl wait --for=condition=Ready "node/$NODE_NAME" --timeout=1s
}

cgroup_type=$(stat --file-system --format %T /sys/fs/cgroup)
isolate_files
isolate_cgroups
isolate_network
"$here/certificates.sh" "$pki" "$NODE_NAME" "$NODE_IP" "$API_SERVICE_IP" >"$logs/certificates.log" 2>&1 ||
  failed "no certificates: $(<"$logs/certificates.log")"
start_control_plane
start_containerd
await "the API server is ready" kubectl get --raw /readyz
await "the cluster takes its first objects" kubectl apply -f "$here/cluster.yaml"
start_kubelet
await "the node is ready" node_is_ready
await "CoreDNS knows the cluster" coredns_is_ready
say "ready after $SECONDS s: $(kubectl version | tr '\n' ' ')"

code=0
"$@" || code=$?
[[ $code -eq 0 ]] || show_logs
exit "$code"
