/** metav1.Time: RFC 3339 with whole seconds. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** metav1.MicroTime: RFC 3339 with microseconds, of which a clock of milliseconds knows three digits. */
export function microTimeText(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
