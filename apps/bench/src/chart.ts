import { catalogue } from "./catalogue.ts";
import type { Results } from "./runner.ts";
import { medianOf } from "./stats.ts";

interface Bar {
  readonly row: string;
  /** Million deliveries per second of server CPU. */
  readonly millions: number;
}

interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const PANELS: readonly (readonly [cell: string, title: string])[] = [
  ["b64", "64 messages in flight"],
  ["b16", "16 messages in flight"],
  ["b1", "1 message in flight: nothing can be joined"],
];
const WIDTH = 760;
const LABEL_WIDTH = 210;
const VALUE_WIDTH = 70;
const BAR_HEIGHT = 18;
const ROW_HEIGHT = 24;
const PANEL_GAP = 44;
const TOP = 70;

// With a ground of its own it is readable wherever it is shown, also where the page does not follow the reader's setting.
const STYLE = `
  .ground { fill: #ffffff; stroke: #d0d7de }
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 17px; font-weight: 600 }
  .panel { font-weight: 600 }
  .note { font-size: 12px; fill: #59636e }
  .upwire { fill: #0969da }
  .control { fill: #afb8c1 }
  .rival { fill: #8250df }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc }
    .note { fill: #9198a1 }
    .upwire { fill: #4493f8 }
    .control { fill: #656c76 }
    .rival { fill: #ab7df8 }
  }`;

/** Deliveries per second of server CPU, on one scale, as an SVG. @returns `undefined` when no broadcast cell was measured. */
export function chart(results: Results): string | undefined {
  const panels = PANELS.flatMap(([cell, title]): Panel[] => {
    const bars = [...(results.get(cell) ?? [])].flatMap(([row, rounds]): Bar[] => {
      const cpuUs = medianOf(rounds, "cpuUs");
      return cpuUs === undefined || isOtherVariant(row) ? [] : [{ row, millions: 1 / cpuUs }];
    });
    return bars.length === 0 ? [] : [{ title, bars: bars.toSorted((a, b) => b.millions - a.millions) }];
  });
  if (panels.length === 0) return undefined;

  const most = Math.max(...panels.flatMap(({ bars }) => bars.map(({ millions }) => millions)));
  const scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH - 20) / most;
  const parts: string[] = [];
  let y = TOP;
  for (const { title, bars } of panels) {
    parts.push(`<text class="panel" x="20" y="${y + 14}">${escape(title)}</text>`);
    y += ROW_HEIGHT;
    for (const bar of bars) {
      parts.push(barOf(bar, y, scale));
      y += ROW_HEIGHT;
    }
    y += PANEL_GAP - ROW_HEIGHT;
  }
  const height = y + 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title">`,
    `<title id="title">Deliveries per second of server CPU, by server</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    `<text class="title" x="20" y="32">Million deliveries per second of server CPU</text>`,
    `<text class="note" x="20" y="52">Broadcast of 64 bytes to 1,000 clients. Longer is better; all panels have one scale.</text>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function barOf({ row, millions }: Bar, y: number, scale: number): string {
  const { label, kind } = catalogue[row] ?? { label: row, kind: "rival" };
  const width = Math.max(1, millions * scale).toFixed(1);
  return [
    `<text x="${LABEL_WIDTH - 8}" y="${y + 14}" text-anchor="end">${escape(label)}</text>`,
    `<rect class="${kind}" x="${LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>`,
    `<text x="${(LABEL_WIDTH + Number(width) + 6).toFixed(1)}" y="${y + 14}">${millions.toFixed(millions < 1 ? 3 : 2)}</text>`,
  ].join("\n");
}

/** One bar stands for all seven variants of upwire: they differ by noise. */
function isOtherVariant(row: string): boolean {
  return catalogue[row]?.kind === "upwire" && row !== "upwire";
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
