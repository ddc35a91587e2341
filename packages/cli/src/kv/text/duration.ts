/** 0s, 12ns, 1.5µs, 864.765µs, 5.000503636s, 1m0.5s, 2h0m0s. */
export function formatDuration(durationMs: number): string {
  const totalNs = Math.round(durationMs * 1e6);
  if (totalNs < 0) return `-${formatDuration(-durationMs)}`;
  if (totalNs === 0) return "0s";
  if (totalNs < 1e3) return `${totalNs}ns`;
  if (totalNs < 1e6) return `${decimal(totalNs, 3)}µs`;
  if (totalNs < 1e9) return `${decimal(totalNs, 6)}ms`;
  const minutes = Math.floor(totalNs / 60e9);
  const seconds = `${decimal(totalNs - minutes * 60e9, 9)}s`;
  if (minutes === 0) return seconds;
  if (minutes < 60) return `${minutes}m${seconds}`;
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}

/** `units` of the smallest kind with the decimal point `places` from the right, trimmed. */
function decimal(units: number, places: number): string {
  const digits = String(units).padStart(places + 1, "0");
  const fraction = digits.slice(-places).replace(/0+$/, "");
  const whole = digits.slice(0, -places);
  return fraction === "" ? whole : `${whole}.${fraction}`;
}
