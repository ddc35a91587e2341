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

Examples:
  sagong start --data-dir ./.sagong
  sagong start --single --members 1

Use "sagong <command> --help" for the flags of a command.
`;
}
