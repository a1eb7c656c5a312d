import { test } from "@jest/globals";
import { check, names } from "./routes.mjs";

for (const name of names) test(`a route of ${name}`, () => check(name));
