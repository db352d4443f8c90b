// node-hl7-client and node-hl7-server as peers: `node peer.mjs server|client CONFIG.json`.
//
// server: {log, encoding, tls: {key, cert, ca}?}; prints {"port": N}; a line of JSON in `log` per message.
// client: {port, messages, out, encoding, connections, tls: {key, cert, ca}?}; ends when all are answered.
import fs from 'node:fs'
import net from 'node:net'

const config = JSON.parse(fs.readFileSync(process.argv[3], 'utf8'))
const read = (paths) => paths && Object.fromEntries(
  Object.entries(paths).map(([name, path]) => [name, fs.readFileSync(path)]))
const tls = read(config.tls)
const b64 = (text) => Buffer.from(text, config.encoding).toString('base64')

async function server () {
  const { Server } = await import('node-hl7-server')
  // The server's own `bindAddress` does not reach the socket; tests listen on the loopback only.
  const listen = net.Server.prototype.listen
  net.Server.prototype.listen = function (options, ...rest) {
    return listen.call(this, { ...options, host: '127.0.0.1' }, ...rest)
  }
  const main = new Server({ bindAddress: '127.0.0.1', ...(tls && { tls: { ...tls, requestCert: true } }) })
  let raw = ''
  const inbound = main.createInbound({ port: 0, encoding: config.encoding }, async (request, response) => {
    const message = request.getMessage()
    await response.sendResponse('AA')
    fs.appendFileSync(config.log, JSON.stringify({
      received: b64(raw),
      control_id: message.get('MSH.10').toString(),
      answered: response.getAckMessage().toString()
    }) + '\n')
  })
  inbound.on('data.raw', (text) => { raw = text })
  inbound.on('data.error', (error) => fs.appendFileSync(config.log, JSON.stringify({ error: error.message }) + '\n'))
  inbound.on('client.error', () => {})
  inbound.on('listen', () => console.log(JSON.stringify({ port: inbound._socket.address().port })))
}

async function client () {
  const { Client, Message } = await import('node-hl7-client')
  const messages = JSON.parse(fs.readFileSync(config.messages, 'utf8'))
  const results = []
  const main = new Client({ host: '127.0.0.1', ...(tls && { tls: { ...tls, servername: 'localhost' } }) })
  const line = (number) => new Promise((resolve, reject) => {
    const mine = messages.map((_, index) => index).filter((index) => index % config.connections === number)
    let sent
    const connection = main.createConnection({ port: config.port, encoding: config.encoding }, (answer) => {
      const message = answer.getMessage()
      results.push({
        ...sent,
        code: message.get('MSA.1').toString(),
        about: message.get('MSA.2').toString(),
        answer: b64(message.toString())
      })
      next()
    })
    connection.on('data.error', reject)
    connection.on('client.error', reject)
    function next () {
      const index = mine.shift()
      if (index === undefined) {
        connection.close().then(resolve)
        return
      }
      const message = new Message({ text: Buffer.from(messages[index], 'base64').toString(config.encoding) })
      sent = { index, sent: b64(message.toString()) }
      connection.sendMessage(message)
    }
    connection.once('connect', next)
  })
  await Promise.all(Array.from({ length: config.connections }, (_, number) => line(number)))
  fs.writeFileSync(config.out, JSON.stringify(results))
  process.exit(0)
}

await (process.argv[2] === 'server' ? server() : client())
