// npm run cross: what a message costs from one node to another, beside controls without us and beside Socket.IO.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { redisMissing } from "@upwire/testing/redis";
import { crossCells } from "./cells.ts";
import { judgeCross } from "./claims.ts";
import { measureCross, type CrossFigures } from "./measure.ts";
import { crossReport } from "./report.ts";
import { crossRows } from "./rows/index.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: Object.keys(crossCells).join(",") },
    rows: { type: "string", default: Object.keys(crossRows).join(",") },
    rounds: { type: "string", default: "3" },
    window: { type: "string", default: "2000" },
    json: { type: "string" },
  },
});
const cells = namesIn(values.only, crossCells, "cell");
const missing = redisMissing();
if (missing !== undefined) console.error(`Rows on Redis are left out: ${missing}`);
const rows = namesIn(values.rows, crossRows, "row").filter((row) => missing === undefined || crossRows[row]?.through !== "redis");
const windowMs = Number(values.window);

const results = new Map(cells.map((cell) => [cell, new Map(rows.map((row) => [row, [] as CrossFigures[]]))]));
for (let round = 1; round <= Number(values.rounds); round++) {
  for (const [name, byRow] of results) {
    const cell = crossCells[name];
    if (cell === undefined) continue;
    // Rows take turns, and every second round goes backwards: what else the machine does falls on all of them.
    const wanted = cell.rows.filter((row) => rows.includes(row));
    for (const row of round % 2 === 1 ? wanted : wanted.toReversed()) {
      try {
        const figures = await measureCross({
          row,
          mode: cell.mode,
          inFlight: cell.inFlight,
          warmUpMs: 1000,
          windowMs,
          ...(cell.isForeign && { isForeign: true as const }),
        });
        byRow.get(row)?.push(figures);
        console.error(`round ${round}, ${name}, ${row}: ${figures.cpuUs.toFixed(2)} µs, ${Math.round(figures.perSecond)}/s`);
      } catch (error) {
        console.error(`round ${round}, ${name}, ${row}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}
console.log(crossReport(results, judgeCross(results)));
if (values.json !== undefined) {
  const plain = Object.fromEntries([...results].map(([cell, byRow]) => [cell, Object.fromEntries(byRow)]));
  writeFileSync(values.json, `${JSON.stringify(plain, undefined, 2)}\n`);
}

function namesIn(list: string, known: Readonly<Record<string, unknown>>, what: string): string[] {
  const names = list.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined) {
    console.error(`there is no ${what} "${unknown}"; there are: ${Object.keys(known).join(", ")}`);
    process.exit(2);
  }
  return names;
}
