#!/usr/bin/env bash
# The keys of a cluster that lives for minutes: one authority, a certificate for each part that serves or calls, and a
# kubeconfig for each that calls the API.
#
#   certificates.sh DIRECTORY NODE_NAME NODE_IP API_SERVICE_IP
set -euo pipefail
umask 077
cd "$1"
node_name=$2 node_ip=$3 api_service_ip=$4
API=https://127.0.0.1:6443

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

# certificate NAME SUBJECT USE [ALTERNATIVE_NAMES]
certificate() {
  new_key "$1.key"
  openssl req -new -key "$1.key" -subj "$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -days 2 -out "$1.crt" \
      -extfile <(printf 'keyUsage=digitalSignature\nextendedKeyUsage=%s\n%s' "$3" "${4:+subjectAltName=$4}") 2>/dev/null
}

# caller NAME SUBJECT: a client certificate and the kubeconfig that uses it.
caller() {
  certificate "$1" "$2" clientAuth
  cat >"$1.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters: [{name: node, cluster: {server: "$API", certificate-authority: "$PWD/ca.crt"}}]
users: [{name: "$1", user: {client-certificate: "$PWD/$1.crt", client-key: "$PWD/$1.key"}}]
contexts: [{name: node, context: {cluster: node, user: "$1"}}]
current-context: node
END
}

new_key ca.key
openssl req -x509 -new -key ca.key -subj /CN=suppressd-test-cluster -days 2 -out ca.crt
new_key service_accounts.key
openssl pkey -in service_accounts.key -pubout -out service_accounts.pub

certificate apiserver /CN=kube-apiserver serverAuth \
  "IP:127.0.0.1,IP:$node_ip,IP:$api_service_ip,DNS:kubernetes.default.svc"
certificate kubelet_serving "/CN=system:node:$node_name/O=system:nodes" serverAuth "IP:$node_ip,DNS:$node_name"
certificate apiserver_to_kubelet /O=system:masters/CN=apiserver-to-kubelet clientAuth
caller admin /O=system:masters/CN=admin
caller controller_manager /CN=system:kube-controller-manager
caller scheduler /CN=system:kube-scheduler
caller kubelet "/O=system:nodes/CN=system:node:$node_name"
caller kube_proxy /CN=system:kube-proxy
caller coredns /CN=system:coredns
