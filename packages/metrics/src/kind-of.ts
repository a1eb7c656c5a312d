/** What `value` is, for the text of an error. Never shows what it holds, and never throws. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  if (typeof value !== "object") return `a ${typeof value}`;
  try {
    const { name } = value.constructor as { readonly name?: unknown };
    return typeof name === "string" && name !== "" && name !== "Object" ? `an instance of ${name}` : "an object";
  } catch {
    return "an object";
  }
}
