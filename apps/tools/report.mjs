import { defaults } from "@upwire/core";

/** Prints where everything is, what protects it, and last that each server is ready. */
export function report({ index, demos }) {
  const rows = demos.map(({ name, url }) => [name, url, `${url.replace(/^http/, "ws")}/ws`]);
  if (index) rows.unshift(["index", index.url, ""]);
  const limits = Object.entries(defaults).flatMap(([group, values]) =>
    Object.entries(values).map(([name, value], at) => [at === 0 ? group : "", name, String(value)]),
  );

  console.log(["", ...table(rows), "", "Defaults in force:", ...table(limits), ""].join("\n"));
  for (const { url } of index ? [index, ...demos] : demos) console.log(`listening on ${url}`);
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join("  ")}`.trimEnd());
}
