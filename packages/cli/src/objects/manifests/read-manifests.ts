/** The files that `-f` names, read and parsed in kubectl's order: as named, folders by file name. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { errorText } from "@sagong/base";
import { CommandError } from "../session/errors.js";
import type { Io } from "../../terminal.js";
import { type Manifest, parseManifests } from "./parse-manifests.js";

export interface ManifestChoice {
  /** Files, folders, or `-` for standard input. */
  readonly files: readonly string[];
  /** Folders in folders too. */
  readonly recursive: boolean;
}

export interface ReadManifests {
  readonly manifests: readonly Manifest[];
  /** What could not be read or parsed, in words; the rest is of use nevertheless. */
  readonly errors: readonly CommandError[];
}

const EXTENSIONS = [".yaml", ".yml", ".json"];
/** A file beyond this is refused: a server takes objects of a few megabytes. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

export async function readManifests(
  choice: ManifestChoice,
  io: Pick<Io, "stdin">,
): Promise<ReadManifests> {
  const manifests: Manifest[] = [];
  const errors: CommandError[] = [];
  for (const { source, path, fault } of filesOf(choice)) {
    if (fault) {
      errors.push(fault);
      continue;
    }
    try {
      const text = path === undefined ? await readStdin(io) : readFile(path);
      for (const parsed of parseManifests(text, source)) {
        if (parsed instanceof CommandError) errors.push(parsed);
        else manifests.push(parsed);
      }
    } catch (error) {
      errors.push(
        error instanceof CommandError
          ? error
          : new CommandError(`cannot read ${source}: ${errorText(error)}`),
      );
    }
  }
  return { manifests, errors };
}

interface SourceFile {
  readonly source: string;
  /** Left out for standard input. */
  readonly path?: string;
  readonly fault?: CommandError;
}

function filesOf({ files, recursive }: ManifestChoice): readonly SourceFile[] {
  return files.flatMap((path): readonly SourceFile[] => {
    if (path === "-") return [{ source: "STDIN" }];
    if (/^https?:\/\//.test(path)) {
      const fault = new CommandError(
        `cannot read ${path}: files are not fetched over HTTP yet, download it and pipe it to -f -`,
      );
      return [{ source: path, fault }];
    }
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats) {
      return [{ source: path, fault: new CommandError(`the path "${path}" does not exist`) }];
    }
    if (!stats.isDirectory()) return [{ source: path, path }];
    const found = filesIn(path, recursive);
    if (found.length > 0) return found;
    const fault = new CommandError(
      `error reading [${path}]: recognized file extensions are [.json .yaml .yml]`,
    );
    return [{ source: path, fault }];
  });
}

function filesIn(folder: string, recursive: boolean): readonly SourceFile[] {
  const entries = readdirSync(folder, { withFileTypes: true }).toSorted((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  return entries.flatMap((entry): readonly SourceFile[] => {
    const path = join(folder, entry.name);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      return recursive ? filesIn(path, recursive) : [];
    }
    return EXTENSIONS.includes(extname(path)) ? [{ source: path, path }] : [];
  });
}

function readFile(path: string): string {
  const { size } = statSync(path);
  if (size > MAX_FILE_BYTES) throw tooLarge(path);
  return readFileSync(path, "utf8");
}

async function readStdin({ stdin }: Pick<Io, "stdin">): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    bytes += chunk.length;
    if (bytes > MAX_FILE_BYTES) throw tooLarge("STDIN");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function tooLarge(source: string): CommandError {
  return new CommandError(`cannot read ${source}: it is over ${MAX_FILE_BYTES} bytes`);
}
