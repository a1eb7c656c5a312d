import { test } from "node:test";
import { check, names } from "./routes.mjs";

for (const name of names) void test(`a route of ${name}`, () => check(name));
