#!/usr/bin/env node
const fs = require('fs')
const mco = require('./mco.js')

function accounts () {
  return fs.readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':')).filter((f) => f.length === 7)
    .map(([name, , uid, gid, , home, shell]) => ({ name, uid: Number(uid), gid: Number(gid), home, shell }))
}

mco.serve({
  show: (req) => {
    const account = accounts().find((a) => a.name === req.data.user)
    if (!account) throw new mco.Failure('no account ' + req.data.user)
    const { uid, gid, home, shell } = account
    return { uid, gid, home, shell }
  },
  list: (req) => {
    const names = accounts().filter((a) => a.uid >= req.data.min_uid && a.uid <= req.data.max_uid).map((a) => a.name)
    return { count: names.length, accounts: names }
  }
})
