import { expect, it } from "vitest";
import { milliOf, parseQuantity, unitsOf } from "./quantity.js";

it("parseQuantity() knows every suffix and form", () => {
  const units = (text: string): number => Number(parseQuantity(text) ?? -1n) / 1e9;
  expect(units("1")).toBe(1);
  expect(units("1.5")).toBe(1.5);
  expect(units("500m")).toBe(0.5);
  expect(units("2Ki")).toBe(2048);
  expect(units("1.5Gi")).toBe(1.5 * 2 ** 30);
  expect(units("1e3")).toBe(1000);
  expect(units("1E3")).toBe(1000);
  expect(units("12E-1")).toBe(1.2);
  expect(units(".5")).toBe(0.5);
  expect(units("-1")).toBe(-1);
  for (const wrong of ["", "x", "1x", "1 Gi", "m", "1.2.3"])
    expect(parseQuantity(wrong)).toBeUndefined();
});

it("milliOf() and unitsOf() round up as Kubernetes does", () => {
  expect(milliOf("100m")).toBe(100);
  expect(milliOf("2")).toBe(2000);
  expect(unitsOf("1500m")).toBe(2);
  expect(unitsOf(undefined)).toBe(0);
});
