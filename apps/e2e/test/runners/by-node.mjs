import { test } from "node:test";
import { tests } from "./routes.mjs";

for (const [name, run] of tests) test(name, run);
