/** `sagong --help`. */
export function sagongHelp(): string {
  return `sagong: an etcd and a Kubernetes control plane in one package

Usage: sagong <command> [flags]

A whole cluster:
  start               store, API server, controllers, scheduler and nodes on this machine

Its parts, one by one:
  store               one member of the store; flags as etcd's
  apiserver           the Kubernetes API on a store (ours, or etcd)
  controller-manager  the control loops
  scheduler           gives pods their nodes
  node                runs pods on this machine

Its objects, on any Kubernetes API server:
  apply               make objects what manifests say
  get                 show objects: tables, YAML, JSON, as they change
  describe            show objects in detail, with their events
  delete              delete objects, and wait until they are gone
  logs                what a pod's containers have written
  scale               how many replicas there are
  rollout             status, history, undo, restart, pause, resume
  wait                until objects have a condition, a value, or are gone

The store itself:
  kv                  put, get, watch and more, as etcdctl has them

For the shell:
  completion          a script that completes commands and flags: bash, zsh or fish

Examples:
  sagong start --data-dir ./.sagong
  sagong start --single --members 1
  sagong apply -f web.yaml && sagong rollout status deployment/web
  sagong get pods --watch

Use "sagong <command> --help" for the flags of a command.
`;
}
