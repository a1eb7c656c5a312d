import type { Row } from "./scenario.ts";

const WIDTHS = { scenario: 10, variant: 18, figure: 40, measured: 14, bound: 14 };

export function heading(): string {
  return `${line("scenario", "variant", "figure", "measured", "bound")}  verdict`;
}

export function printRow(row: Row): string {
  const { scenario, variant, figure, value, unit, note, bound, ok } = row;
  const limit = bound === undefined ? "" : `${bound.kind} ${withUnit(bound.value, unit)}`;
  const verdict = bound === undefined ? "-" : ok ? "ok" : "FAILED";
  return `${line(scenario, variant, figure, withUnit(value, unit), limit)}  ${verdict.padEnd(7)}${note && ` ${note}`}`.trimEnd();
}

function withUnit(value: number, unit: string): string {
  const digits = Number.isInteger(value) ? `${value}` : value.toFixed(value < 10 ? 2 : 1);
  return unit === "" ? digits : `${digits} ${unit}`;
}

function line(scenario: string, variant: string, figure: string, measured: string, bound: string): string {
  const { scenario: s, variant: v, figure: f, measured: m, bound: b } = WIDTHS;
  return `${scenario.padEnd(s)}${variant.padEnd(v)}${figure.padEnd(f)}${measured.padStart(m)}${bound.padStart(b)}`;
}
