// Reads an array of AsyncAPI documents from standard input with the project's own parser, and tells what it finds in each.
// Argument: the folder that @asyncapi/parser is installed in.
import { createRequire } from "node:module";

const { Parser } = createRequire(`${process.argv[2]}/`)("@asyncapi/parser");
let text = "";
for await (const part of process.stdin) text += part;
const told = [];
for (const one of JSON.parse(text)) {
  const { document, diagnostics } = await new Parser().parse(JSON.stringify(one));
  told.push({
    problems: diagnostics.map(({ severity, code, message }) => ({ severity, code, message })),
    channels: document?.channels().all().map((channel) => ({
      id: channel.id(),
      address: channel.address(),
      messages: channel.messages().all().map((message) => message.name()),
    })),
    sends: document?.operations().all().map((operation) => [operation.id(), operation.action()]),
    payloads: document?.allMessages().all().map((message) => Object.keys(message.payload()?.properties() ?? {})),
  });
}
console.log(JSON.stringify(told));
