/**
 * The members' network: a namespace for each, joined by a bridge in the namespace that the run itself
 * stands in, where the clients are. Cuts and losses are rules of nftables in the members' namespaces.
 *
 * N1 everything is made inside the namespaces that `scripts/chaos.mjs` gave the run (`unshare`):
 *    it vanishes with the last process of the run, whatever that one died of.
 * N2 what one member sends to another goes through the proxy (peer-proxy.ts), so a member has three
 *    addresses: its own; the proxy's, under which the others know it; and the one that the proxy
 *    calls from on its behalf. A cut is a cut of all three.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";

const PREFIX = "10.77.0";
const CLIENTS_ADDRESS = `${PREFIX}.254`;
const BRIDGE = "chaos0";
const NAMESPACES = "/run/netns";
const CLIENT_PORT = 2379;
const PEER_PORT = 2380;
/** What the rules of loss count in. */
const LOSS_STEPS = 1000;

/** One end of a link: a member's name, or all clients. */
export type Place = string;
export const CLIENTS: Place = "clients";

export class ChaosNetwork {
  readonly #names: readonly string[];
  readonly #cuts = new Set<string>();
  /** From 0 to 1, by link. */
  readonly #losses = new Map<string, number>();

  /** Makes it. Throws with what the system's tools said. */
  constructor(names: readonly string[]) {
    this.#names = names;
    mkdirSync(NAMESPACES, { recursive: true });
    system("mount", ["-t", "tmpfs", "chaos", NAMESPACES]);
    system("ip", ["link", "set", "lo", "up"]);
    system("ip", ["link", "add", BRIDGE, "type", "bridge"]);
    system("ip", ["link", "set", BRIDGE, "up"]);
    // The first is the one that clients call from.
    const proxied = names.flatMap((name) => [this.proxyAddress(name), this.callerAddress(name)]);
    for (const address of [CLIENTS_ADDRESS, ...proxied]) {
      system("ip", ["addr", "add", `${address}/24`, "dev", BRIDGE]);
    }
    for (const name of names) this.#join(name);
  }

  get names(): readonly string[] {
    return this.#names;
  }

  /** Words before a program's that make it run where this member is. */
  launchPrefix(name: string): readonly string[] {
    return ["nsenter", `--net=${NAMESPACES}/${name}`];
  }

  clientEndpoint(name: string): string {
    return `${this.#address(name)}:${CLIENT_PORT}`;
  }

  peerEndpoint(name: string): string {
    return `${this.#address(name)}:${PEER_PORT}`;
  }

  /** Where the other members reach it: the proxy listens there. */
  proxyAddress(name: string): string {
    return `${PREFIX}.${100 + this.#number(name)}`;
  }

  /** Where the proxy calls from for it. */
  callerAddress(name: string): string {
    return `${PREFIX}.${200 + this.#number(name)}`;
  }

  proxyEndpoint(name: string): string {
    return `${this.proxyAddress(name)}:${PEER_PORT}`;
  }

  /** Whose address that is. */
  nameAt(address: string): string {
    const name = this.#names.find((candidate) => this.#address(candidate) === address);
    if (name === undefined) throw new Error(`nobody has the address ${address}`);
    return name;
  }

  /** Packets from one to the other vanish; those in the other direction do not. */
  cut(links: readonly (readonly [from: Place, to: Place])[]): void {
    for (const [from, to] of links) this.#cuts.add(link(from, to));
    this.#apply();
  }

  /** A share of the packets vanishes; TCP sends them again. */
  lose(links: readonly (readonly [from: Place, to: Place])[], share: number): void {
    for (const [from, to] of links) this.#losses.set(link(from, to), share);
    this.#apply();
  }

  mend(links: readonly (readonly [from: Place, to: Place])[]): void {
    for (const [from, to] of links) {
      this.#cuts.delete(link(from, to));
      this.#losses.delete(link(from, to));
    }
    this.#apply();
  }

  heal(): void {
    if (this.#cuts.size === 0 && this.#losses.size === 0) return;
    this.#cuts.clear();
    this.#losses.clear();
    this.#apply();
  }

  #join(name: string): void {
    const port = `to-${name}`;
    system("ip", ["netns", "add", name]);
    system("ip", ["link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name]);
    system("ip", ["link", "set", port, "master", BRIDGE, "up"]);
    system("ip", ["-n", name, "addr", "add", `${this.#address(name)}/24`, "dev", "eth0"]);
    for (const device of ["lo", "eth0"]) system("ip", ["-n", name, "link", "set", device, "up"]);
  }

  #apply(): void {
    for (const name of this.#names) {
      const [prefix = "", ...words] = this.launchPrefix(name);
      system(prefix, [...words, "nft", "-f", "-"], this.#rulesOf(name));
    }
  }

  /** All rules of one member's namespace; they replace those before them in one step. */
  #rulesOf(name: string): string {
    const others = [...this.#names.filter((other) => other !== name), CLIENTS];
    const input = others.flatMap((other) => {
      const from = `ip saddr { ${this.#addressesOf(other).join(", ")} }`;
      const loss = this.#losses.get(link(other, name));
      return [
        ...(this.#cuts.has(link(other, name)) ? [`${from} drop`] : []),
        ...(loss === undefined
          ? []
          : [`${from} numgen random mod ${LOSS_STEPS} < ${Math.round(loss * LOSS_STEPS)} drop`]),
      ];
    });
    const output = others
      .filter((other) => this.#cuts.has(link(name, other)))
      .map((other) => `ip daddr { ${this.#addressesOf(other).join(", ")} } drop`);
    return [
      "table inet chaos {}",
      "delete table inet chaos",
      "table inet chaos {",
      "  chain input {",
      "    type filter hook input priority 0; policy accept;",
      ...input.map((rule) => `    ${rule}`),
      "  }",
      "  chain output {",
      "    type filter hook output priority 0; policy accept;",
      ...output.map((rule) => `    ${rule}`),
      "  }",
      "}",
      "",
    ].join("\n");
  }

  #addressesOf(place: Place): readonly string[] {
    if (place === CLIENTS) return [CLIENTS_ADDRESS];
    return [this.#address(place), this.proxyAddress(place), this.callerAddress(place)];
  }

  #address(name: string): string {
    return `${PREFIX}.${this.#number(name)}`;
  }

  #number(name: string): number {
    const index = this.#names.indexOf(name);
    if (index < 0) throw new Error(`no member ${name}`);
    return index + 1;
  }
}

function link(from: Place, to: Place): string {
  return `${from} > ${to}`;
}

function system(program: string, args: readonly string[], input = ""): void {
  execFileSync(program, args, { input, stdio: ["pipe", "ignore", "pipe"] });
}
