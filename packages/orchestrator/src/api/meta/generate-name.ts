import { type Random, randomBelow } from "@sagong/base";

/** Kubernetes' alphabet: no vowels and nothing that looks like another, so no words come out. */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const SUFFIX = 5;
const MAX_BASE = 63 - SUFFIX;

/** `base` cut to fit, and five random characters. */
export function generateName(base: string, random: Random): string {
  return base.slice(0, MAX_BASE) + randomSuffix(random);
}

export function randomSuffix(random: Random, length: number = SUFFIX): string {
  let text = "";
  for (let i = 0; i < length; i++) text += ALPHABET.charAt(randomBelow(random, ALPHABET.length));
  return text;
}

/** A number in the same alphabet, as a template hash is written (safe-encode). */
export function safeEncode(value: number): string {
  return String(value)
    .split("")
    .map((digit) => ALPHABET.charAt(Number(digit)))
    .join("");
}
