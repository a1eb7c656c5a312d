import { test } from "@jest/globals";
import { tests } from "./routes.mjs";

for (const [name, run] of tests) test(name, run);
