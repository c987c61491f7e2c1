// Helper for agents in Node.js: put it beside the agent. Node 12 or later.
//
//   const mco = require('./mco.js')
//
//   mco.serve({
//     hello: async (req) => {
//       if (!req.data.name) throw new mco.Failure('no name', mco.MISSING_DATA)
//       mco.log('greeting', 'debug')
//       return { message: 'hello ' + req.data.name }
//     }
//   })
//
// It serves one call, or with "mode: worker" in the descriptor many: as many at
// once as "concurrency" allows. What the agent prints goes to the log, and cannot
// spoil the answer.
'use strict'
const fs = require('fs')
const readline = require('readline')

const OK = 0, FAILED = 1, UNKNOWN_ACTION = 2, MISSING_DATA = 3, INVALID_DATA = 4, OTHER = 5

// Ends an action with a status, by default 1.
class Failure extends Error {
  constructor (message, status = FAILED, data = {}) {
    super(message)
    this.status = status
    this.data = data
  }
}

// Writes a line to the log of the node: error, warn, info or debug.
function log (text, level = 'info') {
  for (const line of String(text).replace(/\n$/, '').split('\n')) {
    process.stderr.write(level[0].toUpperCase() + '! ' + line + '\n')
  }
}

async function call (handlers, req) {
  const handler = Object.prototype.hasOwnProperty.call(handlers, req.action) ? handlers[req.action] : undefined
  if (!handler) return { status: UNKNOWN_ACTION, text: 'unknown action ' + req.action, data: {} }
  try {
    req.data = req.data || {}
    return { status: OK, text: 'OK', data: (await handler(req)) || {} }
  } catch (e) { // the caller is to hear of every failure
    if (e instanceof Failure) return { status: e.status, text: e.message, data: e.data }
    log(e && e.stack ? e.stack : e, 'error')
    return { status: OTHER, text: String(e), data: {} }
  }
}

// Answers calls with the functions of an object, by the name of the action.
function serve (handlers) {
  const say = (message) => {
    const bytes = Buffer.from(JSON.stringify(message) + '\n')
    for (let sent = 0; sent < bytes.length;) {
      try {
        sent += fs.writeSync(1, bytes, sent)
      } catch (e) {
        if (e.code !== 'EAGAIN') throw e
      }
    }
  }
  process.stdout.write = process.stderr.write.bind(process.stderr)
  if (process.env.MCO_ACTION !== undefined) {
    call(handlers, JSON.parse(fs.readFileSync(0, 'utf8'))).then(({ status, text, data }) => {
      say(Object.assign({}, data, { mco: { statuscode: status, statusmsg: text } }))
      process.exit(Math.min(status, OTHER))
    })
    return
  }
  say({ type: 'hello', protocol: 1, agent: process.env.MCO_AGENT || '' })
  readline.createInterface({ input: process.stdin }).on('line', async (line) => {
    const message = JSON.parse(line)
    if (message.type === 'ping') {
      say({ type: 'pong' })
    } else if (message.type === 'request') {
      const { status, text, data } = await call(handlers, message)
      say({ type: 'reply', id: message.id, statuscode: status, statusmsg: text, data })
    }
  }).on('close', () => process.exit(0))
}

module.exports = { OK, FAILED, UNKNOWN_ACTION, MISSING_DATA, INVALID_DATA, OTHER, Failure, log, serve }
