/** Where service IPs and node ports are taken from: kube-apiserver's customary ranges. */

export const SERVICE_IP_RANGE = "10.96.0.0/16";
/** All but the network's own address and the broadcast's. */
export const SERVICE_IPS = 65_534;
export const FIRST_NODE_PORT = 30_000;
export const LAST_NODE_PORT = 32_767;

/** The address of one host of the range, from 1 on. */
export function serviceIpAt(host: number): string {
  return `10.96.${host >> 8}.${host & 255}`;
}

export function isServiceIp(text: string): boolean {
  const host = /^10\.96\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!host) return false;
  const number = Number(host[1]) * 256 + Number(host[2]);
  return number >= 1 && number <= SERVICE_IPS && serviceIpAt(number) === text;
}
