import { readdirSync, readFileSync } from "node:fs";

/** The repository. */
export const root: URL = new URL("../../../", import.meta.url);

/** A text file of the repository, by its path there. */
export function read(path: string): string {
  return readFileSync(new URL(path, root), "utf8");
}

/** The files below a folder of the repository whose names end in `ending`, by their paths in it; "" is the repository itself. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(new URL(folder === "" ? "." : `${folder}/`, root), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isFile()) return path.endsWith(ending) ? [path] : [];
    const isSource = entry.isDirectory() && (entry.name === ".github" || !/^(?:node_modules|dist|\..*)$/.test(entry.name));
    return isSource ? filesBelow(path, ending) : [];
  });
}

/** The text below a heading, up to the next one of its level or above. @throws Error for a heading that the page does not have. */
export function section(page: string, heading: string): string {
  const lines = page.split("\n");
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`no heading "${heading}"`);
  const level = heading.indexOf(" ");
  const end = lines.findIndex((line, index) => index > start && /^#+ /.test(line) && line.indexOf(" ") <= level);
  return lines.slice(start + 1, end < 0 ? undefined : end).join("\n");
}

/** The names in the first column of the tables in `text`, without their arguments: `send(data)` is `send`. */
export function rowNames(text: string): string[] {
  const rows = text.split("\n").filter((line, index, lines) => /^\| (?!-)/.test(line) && !lines[index + 1]?.startsWith("| ---"));
  return rows.flatMap((row) => [...(row.split(" | ", 1)[0] ?? "").matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name.replace(/\(.*$/, "")));
}
