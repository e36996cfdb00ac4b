package btctest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/psbt"

	"coffer.internal/signing"
)

// judge is run by Node. The signer takes PSBT and BIP-143 from btcd; so it is held against @scure/btc-signer, which shares no code with
// btcd. It reads the transactions, verifies each signature over a hash that it makes by itself, and signs the same PSBT with the
// same key if it is told one.
const judge = `
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
const require = createRequire(process.argv[2]);
const load = name => import(pathToFileURL(require.resolve(name)));
const { Transaction, Address, OutScript } = await load('@scure/btc-signer');
const { secp256k1 } = await load('@noble/curves/secp256k1.js');
const { hash160 } = await load('@scure/btc-signer/utils.js');
const nets = {
  0: { bech32: 'bc', pubKeyHash: 0x00, scriptHash: 0x05 }, 1: { bech32: 'tb', pubKeyHash: 0x6f, scriptHash: 0xc4 },
  2: { bech32: 'tb', pubKeyHash: 0x6f, scriptHash: 0xc4 }, 3: { bech32: 'bcrt', pubKeyHash: 0x6f, scriptHash: 0xc4 },
};
const hex = b => Buffer.from(b).toString('hex'), bytes = s => Uint8Array.from(Buffer.from(s, 'hex'));
let text = '';
for await (const chunk of process.stdin) text += chunk;
console.log(JSON.stringify(JSON.parse(text).map(c => {
  const tx = Transaction.fromRaw(bytes(c.raw), { allowUnknownOutputs: true });
  const outputs = [], inputs = [];
  for (let i = 0; i < tx.outputsLength; i++) {
    const o = tx.getOutput(i);
    outputs.push(Address(nets[c.chain]).encode(OutScript.decode(o.script)) + ' ' + o.amount);
  }
  let valid = true;
  for (let i = 0; i < tx.inputsLength; i++) {
    const { txid, index, finalScriptWitness: [signature, key], finalScriptSig } = tx.getInput(i);
    inputs.push(hex(txid) + ':' + index);
    const hash = hash160(key);
    const code = Uint8Array.from([0x76, 0xa9, 20, ...hash, 0x88, 0xac]);
    const sighash = tx.preimageWitnessV0(i, code, 1, BigInt(c.spent[i].amount));
    valid &&= hex(Uint8Array.from([0, 20, ...hash])) === c.spent[i].script && signature.at(-1) === 1 && !finalScriptSig?.length &&
      secp256k1.verify(signature.subarray(0, -1), sighash, key, { format: 'der', prehash: false, lowS: true });
  }
  let same = false;
  if (c.key) {
    const theirs = Transaction.fromPSBT(bytes(c.psbt), { allowUnknownOutputs: true });
    theirs.sign(bytes(c.key));
    theirs.finalize();
    same = hex(theirs.extract()) === c.raw;
  }
  return { outputs, inputs, valid, id: tx.id, same };
})));
`

// Question is a payment with the transaction that a signer made of it.
type Question struct {
	Intent signing.Intent
	Raw    []byte
	Key    []byte // private; nil: unknown
}

// Judgement is what the other library finds.
type Judgement struct {
	Outputs []string // address and amount
	Inputs  []string // outpoints
	Valid   bool     // every input is signed with SIGHASH_ALL by the key of the output that it spends
	ID      string   // the txid
	Same    bool     // the library makes the same bytes with the key
}

// Judge has the other library look at transactions. root is the way to the project's own folder.
func Judge(t testing.TB, root string, questions []Question) []Judgement {
	t.Helper()
	type spent struct {
		Script string `json:"script"`
		Amount int64  `json:"amount"`
	}
	type put struct {
		Chain int64   `json:"chain"`
		Raw   string  `json:"raw"`
		PSBT  string  `json:"psbt"`
		Key   string  `json:"key"`
		Spent []spent `json:"spent"`
	}
	var all []put
	for _, q := range questions {
		p := put{
			Chain: q.Intent.ChainID, Raw: hex.EncodeToString(q.Raw), PSBT: hex.EncodeToString(q.Intent.BTC.PSBT), Key: hex.EncodeToString(q.Key),
		}
		packet, err := psbt.NewFromRawBytes(bytes.NewReader(q.Intent.BTC.PSBT), false)
		if err != nil {
			t.Fatal(err)
		}
		for n, in := range packet.Inputs {
			out := in.WitnessUtxo
			if out == nil {
				out = in.NonWitnessUtxo.TxOut[packet.UnsignedTx.TxIn[n].PreviousOutPoint.Index]
			}
			p.Spent = append(p.Spent, spent{hex.EncodeToString(out.PkScript), out.Value})
		}
		all = append(all, p)
	}
	input, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "judge.mjs")
	if err := os.WriteFile(script, []byte(judge), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", script, filepath.Join(testtools(t, root), "package.json"))
	cmd.Stdin = strings.NewReader(string(input))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got []Judgement
	if err := json.Unmarshal(out, &got); err != nil || len(got) != len(questions) {
		t.Fatalf("%d of %d, %v\n%s", len(got), len(questions), err, out)
	}
	return got
}

// testtools is the folder with npm's packages: $COFFER_TESTTOOLS, else the project's own.
func testtools(t testing.TB, root string) string {
	t.Helper()
	dir := os.Getenv("COFFER_TESTTOOLS")
	if dir == "" {
		dir, _ = filepath.Abs(filepath.Join(root, "testtools"))
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@scure", "btc-signer")); err != nil {
		t.Fatalf("@scure/btc-signer is not installed: make tools (%v)", err)
	}
	return dir
}
