/** Our own version, for people. */
export const SAGONG_VERSION = "0.1.0";
/**
 * The version of etcd whose API and behaviour we offer, for clients that choose by it:
 * kube-apiserver refuses features below 3.5.13, clientv3 parses it as semver.
 */
export const ETCD_API_VERSION = "3.6.0";
