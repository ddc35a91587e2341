/** Collects what is wrong with an object, in Kubernetes' words, by field path. */
import type { StatusCause } from "../gen/meta-v1.js";

export class Faults {
  readonly causes: StatusCause[] = [];

  required(field: string, why = ""): void {
    this.#add("FieldValueRequired", field, `Required value${why === "" ? "" : `: ${why}`}`);
  }

  invalid(field: string, value: unknown, why: string): void {
    this.#add("FieldValueInvalid", field, `Invalid value: ${show(value)}: ${why}`);
  }

  duplicate(field: string, value: unknown): void {
    this.#add("FieldValueDuplicate", field, `Duplicate value: ${show(value)}`);
  }

  notSupported(field: string, value: unknown, supported: readonly string[]): void {
    const list = supported.map((one) => JSON.stringify(one)).join(", ");
    this.#add(
      "FieldValueNotSupported",
      field,
      `Unsupported value: ${show(value)}: supported values: ${list}`,
    );
  }

  forbidden(field: string, why: string): void {
    this.#add("FieldValueForbidden", field, `Forbidden: ${why}`);
  }

  notFound(field: string, value: unknown): void {
    this.#add("FieldValueNotFound", field, `Not found: ${show(value)}`);
  }

  tooLong(field: string, maxBytes: number): void {
    this.#add("FieldValueTooLong", field, `Too long: may not be more than ${maxBytes} bytes`);
  }

  #add(reason: string, field: string, message: string): void {
    this.causes.push({ reason, field, message });
  }
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}
