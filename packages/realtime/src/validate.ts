import { promiseOf } from "@upwire/core/adapter";
import { RealtimeError, type StandardSchema, type StandardSchemaIssue } from "@upwire/protocol";

/** What a client is told of its mistakes: a schema may find one in each of a million members. */
const MAX_ISSUES = 8;
const MAX_PATH = 16;
const MAX_TEXT = 200;

/**
 * What a schema makes of a value, or a promise of it.
 * @param schema Without one the value itself.
 * @throws RealtimeError `invalid_payload` with at most 8 issues as its `details`. @throws what the schema throws. A promise is rejected with these.
 */
export function validated(schema: StandardSchema | undefined, value: unknown): unknown {
  if (schema === undefined) return value;
  const result: unknown = schema["~standard"].validate(value);
  const later = promiseOf(result);
  return later === undefined ? outputOf(result) : later.then(outputOf);
}

/** The same where no promise may be waited for. @throws TypeError for a schema that is async. */
export function validatedNow(what: string, schema: StandardSchema | undefined, value: unknown): unknown {
  const given = validated(schema, value);
  const later = promiseOf(given);
  if (later === undefined) return given;
  later.catch(() => {});
  throw new TypeError(`${what}: its schema is async, and what the server sends by itself is validated at once; give a schema that answers at once`);
}

/**
 * The same for what the application gives and a client is not to blame for.
 * @throws TypeError in place of `invalid_payload`; a promise is rejected with it.
 */
export function validatedAsOurs(what: string, schema: StandardSchema | undefined, value: unknown): unknown {
  const rethrow = (error: unknown): never => {
    if (!(error instanceof RealtimeError) || error.code !== "invalid_payload") throw error;
    throw new TypeError(`${what}: it is not what the contract says: ${JSON.stringify(error.details)}`);
  };
  try {
    const given = validated(schema, value);
    return promiseOf(given)?.catch(rethrow) ?? given;
  } catch (error) {
    return rethrow(error);
  }
}

function outputOf(result: unknown): unknown {
  if (typeof result !== "object" || result === null) throw new TypeError(`a schema gave ${String(result)} and not { value } or { issues }`);
  const { issues } = result as { readonly issues?: unknown };
  if (issues === undefined || issues === null) return (result as { readonly value?: unknown }).value;
  throw new RealtimeError("invalid_payload", "the payload is not what the contract says", { details: detailsOf(issues) });
}

/** A list of `{ message, path? }`. */
function detailsOf(issues: unknown): unknown {
  const all: readonly unknown[] = Array.isArray(issues) ? issues : [];
  return all.slice(0, MAX_ISSUES).map((issue) => {
    const { message, path } = (issue ?? {}) as Partial<StandardSchemaIssue>;
    const text = typeof message === "string" ? cut(message) : "it is not allowed";
    return Array.isArray(path) && path.length > 0 ? { message: text, path: path.slice(0, MAX_PATH).map(segmentOf) } : { message: text };
  });
}

/** A key of an object or an index of an array. */
function segmentOf(segment: unknown): string | number {
  const key: unknown = typeof segment === "object" && segment !== null ? (segment as { readonly key?: unknown }).key : segment;
  return typeof key === "number" ? key : cut(String(key));
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
