import type { Container } from "../../api/gen/core-v1.js";

/** A port that a probe or hook gives by number, by one of the container's names, or as digits. */
export function portNumber(port: string | number, { ports }: Container): number {
  if (typeof port === "number") return port;
  const named = ports?.find(({ name }) => name === port)?.containerPort;
  const value = named ?? Number(port);
  if (!Number.isInteger(value)) throw new Error(`couldn't find port: "${port}"`);
  return value;
}
