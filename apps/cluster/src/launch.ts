// npm run cluster: starts everything, says where, and ends everything.
import { Cluster } from "./launcher/cluster.ts";
import { endWith, onStop } from "./launcher/on-stop.ts";
import { readSettings, SettingsError } from "./launcher/settings.ts";

try {
  const { broker, proxy, port } = readSettings(process.argv.slice(2), process.env);
  const cluster = new Cluster({
    broker,
    proxy,
    port,
    onEvent: (line) => console.log(line),
    onFailure(how) {
      console.error(`${how}\nEverything else ends too.`);
      void endWith(1, () => cluster.stop());
    },
  });
  onStop(() => cluster.stop());
  await cluster.start();

  console.log(`\nBroker: ${broker}. Proxy: ${proxy === "none" ? "none, the launcher spreads connections" : proxy}.`);
  for (const { number, framework, port: own, pid } of cluster.servers)
    console.log(`  server ${number}  ${framework.padEnd(7)}  http://127.0.0.1:${own}  pid ${pid}`);
  for (const { name, pid } of cluster.programs) console.log(`  ${name}  pid ${pid}`);
  console.log(`\nOpen it in two tabs or more. Ctrl-C ends everything.\nlistening on ${cluster.url}`);
} catch (error) {
  console.error(error instanceof SettingsError ? error.message : adviceFor(error));
  process.exit(1);
}

function adviceFor(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") return `Port ${process.env["PORT"]} is in use. Choose another, or leave PORT out for a free one.`;
  return error instanceof Error ? error.message : error;
}
