/**
 * `$(NAME)` in env values, command and args (Kubernetes' expansion rule): known names are replaced,
 * unknown references stay as they are, `$$` is a literal `$`.
 */
export function expandVariables(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$\$|\$\(([^()]*)\)/g, (match: string, name: string | undefined) => {
    if (name === undefined) return "$";
    return variables.get(name) ?? match;
  });
}
