// A server that breaks rules on purpose: it passes everything on to a real one, but for its lie.
import http from 'node:http';
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';

const pass = (frame) => [frame];

export class Liar {
  // `frames`: makes, for one connection, what turns a frame into those that are passed on; `close`:
  // turns a close code into another; `answer`: turns a status and body of REST.
  static async before(server, { frames = () => pass, close = (code) => code, answer = (status, body) => [status, body] } = {}) {
    const liar = new Liar();
    liar.http = http.createServer((request, response) => liar.relay(server, answer, request, response));
    liar.sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] });
    liar.http.on('upgrade', (request, socket, head) => liar.bridge(server, frames(), close, request, socket, head));
    liar.http.listen(0, '127.0.0.1');
    await once(liar.http, 'listening');
    liar.url = `http://127.0.0.1:${liar.http.address().port}`;
    return liar;
  }

  async relay(server, answer, request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { host, connection, 'content-length': length, 'transfer-encoding': coding, ...headers } = request.headers;
    const init = { method: request.method, headers };
    if (chunks.length > 0) init.body = Buffer.concat(chunks);
    const given = await fetch(server.url + request.url, init);
    const [status, body] = answer(given.status, await given.text());
    const type = given.headers.get('content-type');
    response.writeHead(status, type ? { 'Content-Type': type } : {});
    response.end(status === 204 ? undefined : body);
  }

  bridge(server, lie, close, request, socket, head) {
    const { origin, cookie } = request.headers;
    const protocols = request.headers['sec-websocket-protocol']?.split(', ') ?? [];
    const headers = Object.fromEntries(Object.entries({ origin, cookie }).filter(([, value]) => value));
    const inner = new WebSocket(server.url.replace('http', 'ws') + request.url, protocols, { headers, perMessageDeflate: false });
    inner.on('error', () => {});
    inner.on('unexpected-response', (_, response) => {
      socket.end(`HTTP/1.1 ${response.statusCode} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    });
    inner.on('open', () => this.sockets.handleUpgrade(request, socket, head, (outer) => {
      outer.on('message', (data, binary) => inner.send(data, { binary }));
      outer.on('close', (code, reason) => inner.close(code === 1005 || code === 1006 ? undefined : code, reason));
      outer.on('error', () => {});
      for (const frame of early.splice(0)) outer.send(frame);
      tell = (text) => outer.send(text);
      inner.on('close', (code, reason) => (code === 1006 ? outer.terminate() : outer.close(code === 1005 ? undefined : close(code), reason)));
    }));
    const early = [];
    let tell = (text) => early.push(text);
    inner.on('message', (data) => {
      for (const frame of lie(JSON.parse(data))) tell(JSON.stringify(frame));
    });
  }

  async dispose() {
    for (const client of this.sockets.clients) client.terminate();
    this.http.closeAllConnections();
    this.http.close();
    await once(this.http, 'close');
  }
}
