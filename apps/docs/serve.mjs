// npm run docs: serves the site from its sources, on 8090 unless PORT says otherwise, and shows each change at once.
import { fileURLToPath } from "node:url";
import { createServer } from "vitepress";

const port = Number(process.env.PORT ?? 8090);
const server = await createServer(fileURLToPath(new URL(".", import.meta.url)), { host: "127.0.0.1", port });
await server.listen();
server.printUrls();
