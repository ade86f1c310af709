// `node org-front.mjs PORT TARGET`: passes connections on. Killing it cuts the org off, and the org keeps its data.
import { connect, createServer } from 'node:net';

const [port, target] = process.argv.slice(2).map(Number);
createServer((outside) => {
  const inside = connect(target, '127.0.0.1');
  outside.pipe(inside).pipe(outside);
  outside.on('error', () => inside.destroy());
  inside.on('error', () => outside.destroy());
}).listen(port, '127.0.0.1');
