// Builds the site into .vitepress/dist; a dead link fails. `npm run docs` serves it from the sources instead.
import { fileURLToPath } from "node:url";
import { build } from "vitepress";

await build(fileURLToPath(new URL(".", import.meta.url)));
