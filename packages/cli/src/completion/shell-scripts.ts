/**
 * Completion scripts: each walks the words before the cursor down the known paths, skipping flags,
 * and offers what is known there, or files. All words are ours: letters, digits and dashes, so that
 * no shell needs them quoted.
 */
import type { CompletionWords } from "./completion-words.js";

export type Shell = "bash" | "zsh" | "fish";

export const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"];

export function completionScript(shell: Shell, words: readonly CompletionWords[]): string {
  switch (shell) {
    case "bash":
      return bashScript(words);
    case "zsh":
      return zshScript(words);
    case "fish":
      return fishScript(words);
  }
}

function bashScript(words: readonly CompletionWords[]): string {
  return `# bash completion for sagong
_sagong() {
  local at=sagong word current="\${COMP_WORDS[COMP_CWORD]}" commands= flags=
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
      ${knownPaths(words)}) at="$at $word" ;;
    esac
  done
  case "$at" in
${words.map(({ path, commands, flags }) => `    "${path}") commands="${commands.join(" ")}" flags="${flags.join(" ")}" ;;`).join("\n")}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$commands" -- "$current")) ;;
  esac
}
complete -o default -F _sagong sagong
`;
}

function zshScript(words: readonly CompletionWords[]): string {
  return `#compdef sagong
# zsh completion for sagong
_sagong() {
  local at=sagong word
  local -a commands flags
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
      (${knownPaths(words)}) at="$at $word" ;;
    esac
  done
  case "$at" in
${words.map(({ path, commands, flags }) => `    ("${path}") commands=(${commands.join(" ")}) flags=(${flags.join(" ")}) ;;`).join("\n")}
  esac
  if [[ "$words[CURRENT]" == -* ]]; then
    compadd -- $flags
  elif (( $#commands )); then
    compadd -- $commands
  else
    _files
  fi
}
if [[ "$funcstack[1]" == "_sagong" ]]; then _sagong "$@"; else compdef _sagong sagong; fi
`;
}

function fishScript(words: readonly CompletionWords[]): string {
  const offers = words.flatMap(({ path, commands, flags }) => {
    const condition = `-n '__sagong_at "${path}"'`;
    return [
      ...(commands.length === 0
        ? []
        : [`complete -c sagong -f ${condition} -a '${commands.join(" ")}'`]),
      ...flags.map((flag) => `complete -c sagong ${condition} -l ${flag.slice("--".length)}`),
    ];
  });
  return `# fish completion for sagong
function __sagong_at
  set -l at sagong
  for word in (commandline -opc)[2..-1]
    if contains -- "$at $word" ${knownNames(words).join(" ")}
      set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
${offers.join("\n")}
`;
}

function knownPaths(words: readonly CompletionWords[]): string {
  return knownNames(words).join("|");
}

/** All paths but the first word, quoted. */
function knownNames(words: readonly CompletionWords[]): readonly string[] {
  return words.map(({ path }) => `"${path}"`).filter((path) => path.includes(" "));
}
