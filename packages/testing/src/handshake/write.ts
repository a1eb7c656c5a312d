import type { Level } from "../verdict.ts";
import type { HandshakeCall, HandshakeCase, HandshakeExpectation, Site } from "./case.ts";

/** Short words for the tables. */

export type Request = (site: Site) => HandshakeCall;

export const opens: HandshakeExpectation = { answers: [101] };
export const refused: HandshakeExpectation = { answers: ["refused"] };
/** Nothing is asked but an answer, and that the server lives on. */
export const survives: HandshakeExpectation = { answers: [101, "refused"] };
/** The request may be for something else than the echo. */
export const leadsElsewhere: HandshakeExpectation = { answers: [101, "refused", "page"], echoes: false };

/** Refused; good servers do it with one of these. */
export const refusedWith = (...statuses: readonly number[]): HandshakeExpectation => ({ answers: ["refused"], best: { statuses } });
/** Good servers open. */
export const betterOpen: HandshakeExpectation = { answers: [101, "refused"], best: { statuses: [101] } };
/** Good servers refuse it, with one of these. */
export const betterRefused = (...statuses: readonly number[]): HandshakeExpectation => ({ answers: [101, "refused"], best: { statuses } });

/** Puts `line` before the last line break of the request's head. */
export const withLine =
  (line: string) =>
  (text: string): string =>
    `${text.slice(0, -2)}${line}\r\n\r\n`;

/** Replaces the header line `name` as a whole. */
export const withLineOf =
  (name: string, line: string) =>
  (text: string): string =>
    text.replace(new RegExp(`^${name}: .*$`, "m"), () => line);

/** The same answer is expected of every row: a name, a title and a request for each. */
export type Rows = readonly (readonly [name: string, title: string, request: Request])[];

interface Family {
  readonly prefix: string;
  readonly group: string;
  readonly level?: Level;
  readonly expect: HandshakeExpectation;
}

export function family({ prefix, group, level = "must", expect }: Family, rows: Rows): HandshakeCase[] {
  return rows.map(([name, title, request]) => ({ id: `${prefix}-${name}`, group, title, level, request, expect }));
}
