import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { pageSettings } from "../bundle.mjs";

/** Minified and gzip -9, as a page of one's own would carry it, with a contract that is a type. Bytes. */
const LIMITS = [
  ["socket", 1800, 'import { ReconnectingSocket } from "@upwire/client/socket"; globalThis.socket = new ReconnectingSocket("/ws");'],
  [
    "full",
    4500,
    `import { createClient } from "@upwire/client";
     interface Contract { readonly topics: {} }
     globalThis.room = createClient<Contract>("/ws").topic("room:{room}", { room: "tea" });`,
  ],
] as const;

it.each(LIMITS)("%s is at most %i bytes", async (name, most, contents) => {
  const { outputFiles, warnings } = await build({ ...pageSettings, stdin: { contents, loader: "ts", resolveDir: pageSettings.absWorkingDir }, write: false });
  const bundle = outputFiles[0]?.contents ?? new Uint8Array();
  const size = gzipSync(bundle, { level: 9 }).length;
  console.log(`@upwire/client, ${name}: ${bundle.length} B minified, ${size} B with gzip (at most ${most})`);
  expect(warnings).toEqual([]);
  expect(size).toBeLessThanOrEqual(most);
  // It holds what it is for.
  expect(size).toBeGreaterThan(most / 2);
});
