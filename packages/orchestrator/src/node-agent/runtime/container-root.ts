/**
 * A container's root folder under the process runtime: its working folder by default, with each
 * mount as a link at the place that the spec names (`$SAGONG_ROOT/<mountPath>`). Owns the links;
 * what they lead to belongs to the pod's volumes, and is never removed here.
 */
import { existsSync, lstatSync, mkdirSync, readlinkSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ContainerConfig, type Mount, RuntimeError } from "./runtime.js";

/** Makes the root and its links. Throws `RuntimeError` where a mount's place is taken. */
export function linkMounts(root: string, mounts: readonly Mount[]): void {
  mkdirSync(root, { recursive: true, mode: 0o755 });
  // Outer ones first: a mount inside another is a link inside that other's volume.
  const ordered = mounts.toSorted((a, b) => a.containerPath.length - b.containerPath.length);
  for (const mount of ordered) placeLink(join(root, mount.containerPath), mount);
}

/** The spec's folder where the container's root or the host has it; else the container's root. */
export function workingDirOf(root: string, { workingDir }: ContainerConfig): string {
  if (workingDir === undefined) return root;
  const inside = join(root, workingDir);
  if (isFolder(inside)) return inside;
  if (isFolder(workingDir)) return workingDir;
  throw new RuntimeError(
    "RunContainerError",
    `Cannot start container: workingDir "${workingDir}" is neither a mounted folder nor one of this host`,
  );
}

function placeLink(link: string, { containerPath, hostPath }: Mount): void {
  mkdirSync(dirname(link), { recursive: true });
  const there = lstatSync(link, { throwIfNoEntry: false });
  if (!there) return symlinkSync(hostPath, link);
  // A volume that outlives its containers keeps the links that they made in it.
  if (there.isSymbolicLink() && readlinkSync(link) === hostPath) return;
  throw new RuntimeError(
    "CreateContainerError",
    `Cannot mount at "${containerPath}": something is there already in the volume that is mounted around it`,
  );
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
