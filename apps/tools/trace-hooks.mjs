// A loader for `trace.mjs`: each function of our own packages tells, as its first step, that it was called.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseSync, visitorKeys } from "oxc-parser";

const OURS = /\/packages\/([^/]+)\/dist\/(.+)\.js$/;

export async function load(url, context, nextLoad) {
  const [, owner, path] = OURS.exec(url) ?? [];
  if (path === undefined) return nextLoad(url, context);
  const source = await readFile(fileURLToPath(url), "utf8");
  return { format: "module", shortCircuit: true, source: traced(`${owner}/${path}`, source) };
}

/** The source with a call of the global `upwireTrace` at the head of each function. */
function traced(file, source) {
  const { program, errors } = parseSync(file, source, { lang: "js" });
  if (errors.length > 0) throw new SyntaxError(`${file} does not parse: ${errors[0].message}`);
  const inserts = [];
  walk(program, undefined, (node, parent) => {
    if (!/^(?:Function(?:Declaration|Expression)|ArrowFunctionExpression)$/.test(node.type) || !node.body) return;
    const tell = `globalThis.upwireTrace(${JSON.stringify(file)}, ${JSON.stringify(nameOf(node, parent))})`;
    const { body } = node;
    if (body.type === "BlockStatement" || body.type === "FunctionBody") inserts.push([body.start + 1, `${tell};`]);
    else inserts.push([body.start, `(${tell}, `], [body.end, ")"]);
  });
  let text = source;
  for (const [at, insert] of inserts.toSorted(([a], [b]) => b - a)) text = text.slice(0, at) + insert + text.slice(at);
  return text;
}

function walk(node, parent, visit) {
  visit(node, parent);
  for (const key of visitorKeys[node.type]) {
    for (const child of [node[key]].flat()) if (child) walk(child, node, visit);
  }
}

/** The function's own name, or that of the method, field or variable which holds it. */
function nameOf(node, parent) {
  const named = node.id ?? parent.key ?? (parent.type === "VariableDeclarator" ? parent.id : undefined);
  const name = named?.name ?? "function";
  if (parent.type !== "MethodDefinition" && parent.type !== "PropertyDefinition") return name;
  return `${named.type === "PrivateIdentifier" ? "#" : ""}${name}`;
}
