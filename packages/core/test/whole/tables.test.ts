import { existsSync, readdirSync, readFileSync } from "node:fs";
import { defaults } from "@upwire/core";
import { closures, refusals, type Retry } from "@upwire/core/adapter";
import { retryOf } from "@upwire/protocol";
import { describe, expect, it } from "vitest";
import { resolveCompression } from "../../src/wire/compression.ts";
import { refusal } from "../../src/checks/refusal.ts";
import { channels } from "../../src/base/channels.ts";
import { faults } from "../../src/wire/faults.ts";

/** What the tables of the documentation say, and what the code does: a difference is reported as the row that is to be written. */
type Rows = ReadonlyMap<string, readonly string[]>;

const here = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const docs = (page: string): string => here(`../../../../apps/docs/${page}.md`);
const [refusalsPage, optionsPage] = [docs("reference/refusals-and-closures"), docs("reference/options")];

/** The rows of the first table behind `after`, by the text of their `key` column. A key that comes twice is a difference of its own. */
function tableAfter(text: string, after: string, key: number): Rows {
  const start = text.indexOf(after);
  if (start < 0) throw new Error(`no "${after}" in the page`);
  const lines = text.slice(start).split("\n");
  const head = lines.findIndex((line) => line.startsWith("| --- "));
  const rows = new Map<string, readonly string[]>();
  for (const line of lines.slice(head + 1)) {
    if (!line.startsWith("|")) break;
    const cells = line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim());
    const name = (cells[key] ?? "").replaceAll("`", "");
    rows.set(rows.has(name) ? `${name} (twice)` : name, cells);
  }
  return rows;
}

/** @param wanted By key: the cells as they must be; `undefined` for prose, which may say anything but nothing. */
function differences(table: Rows, wanted: ReadonlyMap<string, readonly (string | undefined)[]>): string[] {
  const found: string[] = [];
  for (const [name, cells] of wanted) {
    const row = table.get(name);
    const isEqual = row?.length === cells.length && cells.every((cell, i) => (cell === undefined ? row[i] !== "" : cell === row[i]));
    if (isEqual) continue;
    const right = `| ${cells.map((cell, i) => cell ?? row?.[i] ?? "...").join(" | ")} |`;
    found.push(row === undefined ? `missing: ${right}` : `wrong: ${name}; right is: ${right}`);
  }
  for (const name of table.keys()) if (!wanted.has(name)) found.push(`too many: ${name}`);
  return found;
}

const retryWords: ReadonlyMap<Retry, string> = new Map<Retry, string>([
  [true, "yes"],
  [false, "no"],
  ["later", "later"],
]);

describe("the reference", () => {
  it("lists every refusal with its status and whether to retry", () => {
    const wanted = Object.entries(refusals).map(([code, { status, retry }]) => [code, [`${status}`, `\`${code}\``, undefined, retryWords.get(retry)]] as const);
    expect(differences(tableAfter(refusalsPage, "## Refusals", 1), new Map(wanted))).toEqual([]);
  });

  it("names Retry-After where a refusal has it, which is where clients should come back later", () => {
    const table = tableAfter(refusalsPage, "## Refusals", 1);
    for (const code of Object.keys(refusals) as (keyof typeof refusals)[]) {
      const after = refusal(code).headers["retry-after"];
      expect([code, after !== undefined]).toEqual([code, refusals[code].retry === "later"]);
      if (after !== undefined) expect([code, table.get(code)?.[2]]).toEqual([code, expect.stringContaining(`\`Retry-After: ${after}\``)]);
    }
  });

  it("lists every closure with its close code and whether to retry", () => {
    const wanted = Object.entries(closures).map(
      ([code, { closeCode, retry }]) => [code, [`${closeCode}`, `\`${code}\``, undefined, retryWords.get(retry)]] as const,
    );
    expect(differences(tableAfter(refusalsPage, "## Closures", 1), new Map(wanted))).toEqual([]);
  });

  it("tells the same about retrying after a closure as the protocol package does about its close code", () => {
    const ofCore = Object.entries(closures).map(([code, { closeCode, retry }]) => [code, closeCode, retry]);
    expect(ofCore).toEqual(Object.entries(closures).map(([code, { closeCode }]) => [code, closeCode, retryOf(closeCode)]));
  });

  it("lists every fault of a client in the words that it is told", () => {
    const numbered = 0x7b;
    const told = Object.values(faults).map((fault) => (typeof fault === "function" ? fault(numbered) : fault));
    const wanted = told.map(
      ({ code, text }) => [text.replace(/\b(?:0x7B|123)\b/, (value) => (value === "123" ? "…" : "0x…")), `${closures[code].closeCode}`] as const,
    );
    const table = tableAfter(refusalsPage, "### What a client did wrong", 0);
    expect([...table].map(([reason, cells]) => [reason, cells[1]] as const)).toEqual(wanted);
  });

  it("lists every field of a closure of one's own", () => {
    const wanted = optionsOf("base/closure.ts", "Closure").map((field) => [field, [`\`${field}\``, undefined]] as const);
    expect(differences(tableAfter(refusalsPage, "## Closures of your own", 0), new Map(wanted))).toEqual([]);
  });

  /** The options of an interface, as its source declares them. */
  function optionsOf(file: string, name: string): string[] {
    const body = new RegExp(`interface ${name}\\b.*\\{\\n([^]*?)\\n\\}`).exec(here(`../../src/${file}`))?.[1];
    if (body === undefined) throw new Error(`${file} has no interface ${name}`);
    return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, option]) => option ?? "");
  }

  /** With the default where it is a number or a word, and any text for the others. */
  function optionRows(options: readonly string[], presets: Readonly<Record<string, string | number | boolean>>): Map<string, readonly (string | undefined)[]> {
    return new Map(
      options.map((option) => {
        const preset = presets[option];
        const shown = typeof preset === "string" ? `\`"${preset}"\`` : typeof preset === "boolean" ? `\`${preset}\`` : preset?.toString();
        return [option, [`\`${option}\``, shown, undefined]];
      }),
    );
  }

  /** `0 (off)` is 0 with an explanation. */
  function withoutNotes(table: Rows): Rows {
    return new Map([...table].map(([name, cells]) => [name, cells.map((cell, i) => (i === 1 ? cell.replace(/^(\d+) \(.*\)$/, "$1") : cell))]));
  }

  it("lists every option of a route with its default", () => {
    const compression = Object.entries(resolveCompression(true, { passesBy: true }) ?? {}).map(([name, value]) => [`compression.${name}`, value] as const);
    const names = [
      ...optionsOf("base/limits.ts", "ConnectionLimits"),
      ...optionsOf("connection/options.ts", "UpgraderOptions"),
      ...optionsOf("base/rate-limit-options.ts", "RateLimit").map((name) => `rateLimit.${name}`),
      ...optionsOf("wire/compression.ts", "CompressionOptions").map((name) => `compression.${name}`),
    ];
    const own = { ...defaults.upgrade, ...defaults.connection };
    expect(names).toEqual(expect.arrayContaining(Object.keys(own)));
    const wanted = optionRows(names, { ...own, "rateLimit.patienceMs": defaults.rateLimit.patienceMs, ...Object.fromEntries(compression) });
    expect(differences(withoutNotes(tableAfter(optionsPage, "## Options of a route", 0)), wanted)).toEqual([]);
  });

  it("says the same about compression in the guide", () => {
    const reference = tableAfter(optionsPage, "## Options of a route", 0);
    const table = tableAfter(docs("guide/compression"), "# Compression", 0);
    const wanted = optionsOf("wire/compression.ts", "CompressionOptions").map((name) => [name, reference.get(`compression.${name}`)?.[1]] as const);
    expect(new Map([...table].map(([name, cells]) => [name, cells[1]]))).toEqual(new Map(wanted));
  });

  it("lists every option of attach with its default", () => {
    // `options` belongs to two adapters.
    const names = [...optionsOf("upgrade/attach.ts", "AttachOptions"), "options"];
    const wanted = optionRows(names, defaults.attach);
    expect(differences(tableAfter(optionsPage, "## attach", 0), wanted)).toEqual([]);
  });

  it("lists every option of shutdown with its default", () => {
    const wanted = optionRows(optionsOf("shutdown/shutdown-plan.ts", "ShutdownOptions"), defaults.shutdown);
    expect(differences(tableAfter(docs("guide/stop-and-deploy"), "| Option of `shutdown` |", 0), wanted)).toEqual([]);
  });

  it("lists the options of a hub and of the ends of connections with their defaults", () => {
    const { hub, close } = defaults;
    for (const [heading, presets] of Object.entries({ "## createHub": hub, "## close of an attachment": close })) {
      const table = tableAfter(optionsPage, heading, 0);
      const shown = Object.entries(presets).map(([name, value]) => [name, table.get(name)?.[1]?.replaceAll(/[`"]/g, ""), `${value}`] as const);
      expect(shown.filter(([, documented, real]) => documented !== real)).toEqual([]);
    }
  });

  it("lists every code of a connection that ended before there was a request", () => {
    const codes = /export type DropCode =\s+([^;]*);/.exec(here("../../src/base/errors.ts"))?.[1]?.match(/ERR_\w+/g) ?? [];
    expect(codes.length).toBeGreaterThan(3);
    expect([...tableAfter(refusalsPage, "## Ended before there is a request", 0).keys()].toSorted()).toEqual(codes.toSorted());
  });
});

describe("the pages about the inside of core", () => {
  const sources = readdirSync(new URL("../../src/", import.meta.url), { recursive: true, encoding: "utf8" })
    .filter((file) => /[\\/].*\.ts$/.test(file))
    .map((file) => file.replaceAll("\\", "/"));

  it("lists every diagnostics channel", () => {
    const wanted = Object.values(channels).map(({ name }) => [String(name), [`\`${String(name)}\``, undefined, undefined]] as const);
    expect(differences(tableAfter(docs("reference/events"), "## Diagnostics channels", 0), new Map(wanted))).toEqual([]);
  });

  it("list every file of core in its folder", () => {
    let folder = "";
    const listed: string[] = [];
    for (const [, name, file] of docs("internals/rooms").matchAll(/^(?:## ([\w-]+)\/$|\| `([\w-]+\.ts)` \|)/gm)) {
      folder = name ?? folder;
      if (file !== undefined) listed.push(`${folder}/${file}`);
    }
    expect(listed.toSorted()).toEqual(sources.toSorted());
  });

  it.each(["walks", "guarantees"])("name files that exist: %s", (page) => {
    const packages = new URL("../../../", import.meta.url);
    const folders = readdirSync(packages).map((name) => new URL(`${name}/src/`, packages));
    const files = folders.filter((folder) => existsSync(folder)).flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }));
    const names = files.map((file) => file.split("/").at(-1));
    const named = [...docs(`internals/${page}`).matchAll(/`([\w-]+\.ts)`/g)].map(([, file]) => file);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((file) => !names.includes(file))).toEqual([]);
  });
});

describe("SECURITY.md", () => {
  it("names tests that exist", () => {
    const text = here("../../../../SECURITY.md").replaceAll(/\s+/g, " ");
    const paths = [...text.matchAll(/`(packages\/[\w./-]+\.ts)`/g)].map(([, path]) => path ?? "");
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((path) => !existsSync(new URL(`../../../../${path}`, import.meta.url)))).toEqual([]);
    expect(here("../connection/connection.test.ts")).toContain("refuses %j instead of sending memory");
    const suite = here("../../../testing/src/suite/protocol-faults.ts");
    for (const title of ["declares a length of 2^63", "inflates over the limit"])
      expect([title, suite.includes(title), text.includes(title)]).toEqual([title, true, true]);
  });
});
