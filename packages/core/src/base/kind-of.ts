import { types } from "node:util";

/** What `value` is, for the text of an error. Never shows what it holds. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** The same where a plain object is wanted: tells of another one what it is. Never throws. */
export function kindOfObject(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return kindOf(value);
  try {
    if (isPlainObject(value)) return "an object";
    if (types.isPromise(value) || typeof (value as { readonly then?: unknown }).then === "function") return "a promise";
    const { name } = value.constructor as { readonly name?: unknown };
    return typeof name === "string" && name !== "" && name !== "Object" ? `an instance of ${name}` : "an object with a prototype of its own";
  } catch {
    return "an object with a prototype of its own";
  }
}

/**
 * Whether it is an object as `{}` writes it, or one without a prototype, of any realm. Another one may hold what is meant in places
 * where it is not looked for: an option that is lost may be the one that keeps strangers out.
 */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, "isPrototypeOf");
}
