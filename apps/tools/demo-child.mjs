// One demo in a process of its own; see demo-process.mjs. The tables ask for it by many names. Counts what would have ended it.
// By its file: the entry would load vitest too.
import { addSlowPages } from "../../packages/testing/dist/fuzz/slow-pages.js";
import { startOne } from "./launcher.mjs";

const faults = [];
const note = (error) => faults.push(String(error?.stack ?? error));
process.on("uncaughtException", note);
process.on("unhandledRejection", note);
process.on("message", () => process.send({ faults, rssBytes: process.memoryUsage.rss() }));
process.on("disconnect", () => process.exit());

const { demos } = await startOne(process.argv[2], { host: "127.0.0.1", port: 0, anyName: true });
// Only who sends the header X-Fuzz sees them.
addSlowPages(demos[0].server, "/healthz");
process.send({ port: demos[0].port });
