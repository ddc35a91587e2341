/**
 * The POSIX shell program that stands between the agent and a container's process, so that agents
 * may die and come back: it outlives them, keeps the log pipes open (a pipe without a reader would
 * kill the process with SIGPIPE), and writes down the exit code that only a parent learns.
 *
 * It is the leader of a session and process group of its own. In its folder:
 *
 *   stdout, stderr   named pipes, made by the agent before the start
 *   pid              "wrapper child", written before the claim counts
 *   claim/           made by whoever comes first: the wrapper (it runs) or a restarted agent that
 *                    finds no pid (the wrapper gives up); so a process is never lost nor doubled
 *   exit             the exit code, 128 + signal where one ended the process
 *
 * When the main process ends, the last line kills what is left of the group, the wrapper included:
 * nothing of a container outlives its main process, as under any container runtime.
 */
export const CONTAINER_WRAPPER = `
dir=$1; shift
# Absolute tool paths: PATH is the container's own.
# Handlers, not "ignore": ignored signals would stay ignored in the child.
trap : TERM INT HUP QUIT USR1 USR2
exec 3<>"$dir/stdout" 4<>"$dir/stderr" || exit 111
/bin/mkdir "$dir/claim" 2>/dev/null || exit 112
"$@" </dev/null >&3 2>&4 3>&- 4>&- &
child=$!
echo "$$ $child" >"$dir/pid.tmp" && /bin/mv "$dir/pid.tmp" "$dir/pid"
while :; do
  wait "$child"
  code=$?
  # A trapped signal ends "wait" early: only a child that is gone has given its code.
  kill -0 "$child" 2>/dev/null || break
done
echo "$code" >"$dir/exit.tmp" && /bin/mv "$dir/exit.tmp" "$dir/exit"
kill -KILL 0
`;
