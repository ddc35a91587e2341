import { environmentName, STORE_FLAGS } from "./flag-table.js";

/** The text of `sagong store --help`. */
export function storeHelp(): string {
  const lines = [
    "Usage: sagong store [flags]",
    "",
    "  Starts one member of the store: an etcd v3 server with etcd's flags and environment.",
    "",
    "Flags:",
  ];
  for (const flag of STORE_FLAGS) {
    lines.push(`  --${flag.name} '${flag.default}'`, `      ${flag.help}`);
  }
  lines.push(
    "  --version",
    "      Print the version and exit.",
    "",
    `Each flag may be given as a variable too, as ${environmentName("data-dir")}; the flag wins.`,
    "",
    "Examples:",
    "  sagong store --data-dir /var/lib/sagong",
    "  sagong store --name a --listen-client-urls http://127.0.0.1:2379 \\",
    "    --advertise-client-urls http://127.0.0.1:2379 \\",
    "    --listen-peer-urls http://127.0.0.1:2380 \\",
    "    --initial-advertise-peer-urls http://127.0.0.1:2380 \\",
    "    --initial-cluster a=http://127.0.0.1:2380,b=http://127.0.0.1:2480,c=http://127.0.0.1:2580",
  );
  return `${lines.join("\n")}\n`;
}
