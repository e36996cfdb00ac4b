package world

import (
	"encoding/hex"
	"encoding/json"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/params"
)

// methods are what a node answers to; whatever else is asked, it does not know.
var methods = map[string]func(*Node, args) (any, *rpcError){
	"eth_chainId":               func(n *Node, _ args) (any, *rpcError) { return hexutil.Uint64(n.ChainID), nil },
	"web3_clientVersion":        func(n *Node, _ args) (any, *rpcError) { return "world/" + n.Name, nil },
	"eth_blockNumber":           func(n *Node, _ args) (any, *rpcError) { return hexutil.Uint64(n.view().Number), nil },
	"eth_getBlockByNumber":      (*Node).blockByNumber,
	"eth_getBlockByHash":        (*Node).blockByHash,
	"eth_getBalance":            (*Node).balance,
	"eth_getTransactionCount":   (*Node).count,
	"eth_getCode":               (*Node).code,
	"eth_call":                  (*Node).try,
	"eth_estimateGas":           (*Node).estimate,
	"eth_gasPrice":              func(n *Node, _ args) (any, *rpcError) { return (*hexutil.Big)(n.gasPrice()), nil },
	"eth_maxPriorityFeePerGas":  func(*Node, args) (any, *rpcError) { return (*hexutil.Big)(usualTip), nil },
	"eth_feeHistory":            (*Node).feeHistory,
	"eth_sendRawTransaction":    (*Node).send,
	"eth_getTransactionReceipt": (*Node).receipt,
	"eth_getTransactionByHash":  (*Node).transaction,
	"eth_getBlockReceipts":      (*Node).blockReceipts,
}

// usualTip is what strangers pay a miner here.
var usualTip = big.NewInt(params.GWei)

func (n *Node) ask(c call) (any, *rpcError) {
	f, there := methods[c.Method]
	if !there {
		return nil, refuse(-32601, "the method %s does not exist/is not available", c.Method)
	}
	return f(n, args(c.Params))
}

// args are a call's parameters. One that is missing or of another type reads as its zero value.
type args []json.RawMessage

func (a args) text(i int) (s string) {
	if i < len(a) {
		_ = json.Unmarshal(a[i], &s)
	}
	return s
}

func (a args) address(i int) common.Address { return common.HexToAddress(a.text(i)) }
func (a args) hash(i int) common.Hash       { return common.HexToHash(a.text(i)) }

// block finds the block that a tag or a number names; nil: there is none.
func (n *Node) block(a args, i int) *Block {
	switch tag := a.text(i); tag {
	case "", "latest", "pending":
		return n.view()
	case "safe", "finalized":
		return n.view().Back(finalDepth)
	case "earliest":
		return n.view().At(0)
	default:
		number, err := hexutil.DecodeUint64(tag)
		if err != nil {
			return nil
		}
		return n.view().At(number)
	}
}

// finalDepth is how deep below its head a node calls a block finalized: two epochs of Ethereum, 64 blocks, would be slow to wait for.
const finalDepth = 3

func noBlock() *rpcError { return refuse(-32000, "header not found") }

func (n *Node) blockByNumber(a args) (any, *rpcError) { return n.showBlock(n.block(a, 0)), nil }

func (n *Node) blockByHash(a args) (any, *rpcError) {
	return n.showBlock(n.find(a.hash(0))), nil
}

// find is a block of the branch that is shown.
func (n *Node) find(hash common.Hash) *Block {
	for b := n.view(); b != nil; b = b.Parent {
		if b.Hash == hash {
			return b
		}
	}
	return nil
}

func (n *Node) showBlock(b *Block) any {
	if b == nil {
		return nil
	}
	txs := make([]common.Hash, len(b.Txs))
	for i, tx := range b.Txs {
		txs[i] = tx.Hash()
	}
	return map[string]any{
		"number": hexutil.Uint64(b.Number), "hash": b.Hash, "parentHash": b.parentHash(), "timestamp": hexutil.Uint64(b.Time),
		"baseFeePerGas": (*hexutil.Big)(b.BaseFee), "gasUsed": hexutil.Uint64(b.GasUsed), "gasLimit": hexutil.Uint64(gasLimit),
		"transactions": txs,
	}
}

func (b *Block) parentHash() common.Hash {
	if b.Parent == nil {
		return common.Hash{}
	}
	return b.Parent.Hash
}

func (n *Node) balance(a args) (any, *rpcError) {
	b := n.block(a, 1)
	if b == nil {
		return nil, noBlock()
	}
	return (*hexutil.Big)(b.state.balance(a.address(0))), nil
}

func (n *Node) count(a args) (any, *rpcError) {
	b := n.block(a, 1)
	if b == nil {
		return nil, noBlock()
	}
	count := b.state.nonce(a.address(0))
	if a.text(1) == "pending" {
		count = max(count, n.pool.next(a.address(0)))
	}
	return hexutil.Uint64(count), nil
}

func (n *Node) code(a args) (any, *rpcError) {
	if n.w.tokens[a.address(0)] != nil {
		return hexutil.Bytes{0xfe}, nil // something; nobody here reads what
	}
	return hexutil.Bytes{}, nil
}

func (n *Node) gasPrice() *big.Int { return new(big.Int).Add(nextBaseFee(n.view()), usualTip) }

func (n *Node) feeHistory(a args) (any, *rpcError) {
	newest := n.block(a, 1)
	if newest == nil {
		return nil, noBlock()
	}
	wanted, err := hexutil.DecodeUint64(a.text(0))
	if err != nil {
		var plain uint64
		if len(a) == 0 || json.Unmarshal(a[0], &plain) != nil {
			return nil, refuse(-32602, "invalid argument 0: hex string without 0x prefix")
		}
		wanted = plain
	}
	var percentiles []float64
	if len(a) > 2 {
		_ = json.Unmarshal(a[2], &percentiles)
	}
	wanted = min(max(wanted, 1), newest.Number+1, 1024)
	oldest := newest.Back(wanted - 1)
	var fees []*hexutil.Big
	var ratios []float64
	var rewards [][]*hexutil.Big
	for b := newest; ; b = b.Parent {
		fees = append([]*hexutil.Big{(*hexutil.Big)(b.BaseFee)}, fees...)
		ratios = append([]float64{float64(b.GasUsed) / gasLimit}, ratios...)
		tips := make([]*hexutil.Big, len(percentiles))
		for i := range tips {
			tips[i] = (*hexutil.Big)(usualTip)
		}
		rewards = append(rewards, tips)
		if b == oldest {
			break
		}
	}
	history := map[string]any{
		"oldestBlock": hexutil.Uint64(oldest.Number), "baseFeePerGas": append(fees, (*hexutil.Big)(nextBaseFee(newest))), "gasUsedRatio": ratios,
	}
	if len(percentiles) > 0 {
		history["reward"] = rewards
	}
	return history, nil
}

// message is a call that is tried out.
type message struct {
	From  common.Address `json:"from"`
	To    common.Address `json:"to"`
	Value *hexutil.Big   `json:"value"`
	Data  hexutil.Bytes  `json:"data"`
	Input hexutil.Bytes  `json:"input"`
}

func readMessage(a args) (m message, err *rpcError) {
	if len(a) == 0 {
		return m, refuse(-32602, "missing value for required argument 0")
	}
	if json.Unmarshal(a[0], &m) != nil {
		return m, refuse(-32602, "invalid argument 0")
	}
	if len(m.Data) == 0 {
		m.Data = m.Input
	}
	return m, nil
}

// call reads a message and the block after which it is tried.
func (n *Node) call(a args) (m message, b *Block, err *rpcError) {
	if m, err = readMessage(a); err != nil {
		return m, nil, err
	}
	if b = n.block(a, 1); b == nil {
		return m, nil, noBlock()
	}
	return m, b, nil
}

func (n *Node) try(a args) (any, *rpcError) {
	m, b, err := n.call(a)
	if err != nil {
		return nil, err
	}
	if len(m.Data) == 4+32 && [4]byte(m.Data) == balanceOfSelector {
		if n.w.tokens[m.To] == nil {
			return hexutil.Bytes{}, nil
		}
		holder := common.BytesToAddress(m.Data[4:])
		return hexutil.Bytes(common.LeftPadBytes(b.state.holding(m.To, holder).Bytes(), 32)), nil
	}
	if _, err := n.cost(b, m); err != nil {
		return nil, err
	}
	if n.w.tokens[m.To] != nil {
		return hexutil.Bytes(common.LeftPadBytes([]byte{1}, 32)), nil
	}
	return hexutil.Bytes{}, nil
}

// cost is what a message would take in gas after a block; the error is that of its failing.
func (n *Node) cost(b *Block, m message) (uint64, *rpcError) {
	if m.Value != nil && m.Value.ToInt().Cmp(b.state.balance(m.From)) > 0 {
		return 0, refuse(-32000, "insufficient funds for transfer")
	}
	t := n.w.tokens[m.To]
	if t == nil {
		return params.TxGas, nil
	}
	c, ok := readTransfer(m.Data)
	if !ok {
		return 0, refuse(3, "execution reverted")
	}
	if why := t.refuses(b.state, m.From, c); why != "" {
		return 0, refuse(3, "execution reverted: %s", why)
	}
	return transferGas, nil
}

func (n *Node) estimate(a args) (any, *rpcError) {
	m, b, err := n.call(a)
	if err != nil {
		return nil, err
	}
	gas, err := n.cost(b, m)
	if err != nil {
		return nil, err
	}
	return hexutil.Uint64(gas), nil
}

func (n *Node) send(a args) (any, *rpcError) {
	raw, err := hex.DecodeString(trim0x(a.text(0)))
	if err != nil {
		return nil, refuse(-32602, "invalid argument 0: %v", err)
	}
	tx, err := n.w.Decode(raw)
	if err != nil {
		return nil, refuse(-32000, "%v", err)
	}
	if err := checkFee(tx); err != nil {
		return nil, refuse(-32000, "%v", err)
	}
	if err := n.pool.add(tx); err != nil {
		return nil, refuse(-32000, "%v", err)
	}
	return tx.Hash(), nil
}

func trim0x(s string) string {
	if len(s) >= 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		return s[2:]
	}
	return s
}

// place finds the block of the branch that is shown which has a transaction, and where in it.
func (n *Node) place(hash common.Hash) (*Block, int) {
	for _, b := range n.w.places[hash] {
		if n.view().At(b.Number) != b {
			continue
		}
		for i, tx := range b.Txs {
			if tx.Hash() == hash {
				return b, i
			}
		}
	}
	return nil, 0
}

func (n *Node) receipt(a args) (any, *rpcError) {
	b, i := n.place(a.hash(0))
	if b == nil {
		return nil, nil
	}
	return showReceipt(b, i), nil
}

func (n *Node) blockReceipts(a args) (any, *rpcError) {
	b := n.find(a.hash(0))
	if len(a.text(0)) < 66 {
		b = n.block(a, 0)
	}
	if b == nil {
		return nil, nil
	}
	all := make([]any, len(b.Txs))
	for i := range b.Txs {
		all[i] = showReceipt(b, i)
	}
	return all, nil
}

// Shown is a receipt as it goes out, to be bent by Node.Answer.
type Shown map[string]any

func showReceipt(b *Block, i int) Shown {
	tx, r := b.Txs[i], b.Receipts[i]
	status := 0
	if r.Success {
		status = 1
	}
	logs := make([]any, len(r.Logs))
	for j, l := range r.Logs {
		logs[j] = map[string]any{
			"address": l.Token, "data": hexutil.Bytes(common.LeftPadBytes(l.Amount.Bytes(), 32)),
			"topics": []common.Hash{transferTopic, common.BytesToHash(l.From[:]), common.BytesToHash(l.To[:])}, "removed": false,
		}
	}
	return Shown{
		"transactionHash": tx.Hash(), "from": tx.From, "to": tx.To(), "blockHash": b.Hash, "blockNumber": hexutil.Uint64(b.Number),
		"transactionIndex": hexutil.Uint64(i), "status": hexutil.Uint64(status), "gasUsed": hexutil.Uint64(r.GasUsed),
		"effectiveGasPrice": (*hexutil.Big)(r.Price), "logs": logs, "type": hexutil.Uint64(tx.Type()),
	}
}

func (n *Node) transaction(a args) (any, *rpcError) {
	hash := a.hash(0)
	tx := n.pool.all[hash]
	shown := Shown{"blockHash": nil, "blockNumber": nil}
	if b, i := n.place(hash); b != nil {
		tx = b.Txs[i]
		shown["blockHash"], shown["blockNumber"] = b.Hash, hexutil.Uint64(b.Number)
	}
	if tx == nil {
		return nil, nil
	}
	shown["hash"], shown["from"], shown["to"], shown["nonce"] = hash, tx.From, tx.To(), hexutil.Uint64(tx.Nonce())
	shown["gas"], shown["value"], shown["input"] = hexutil.Uint64(tx.Gas()), (*hexutil.Big)(tx.Value()), hexutil.Bytes(tx.Data())
	shown["maxFeePerGas"], shown["maxPriorityFeePerGas"] = (*hexutil.Big)(tx.GasFeeCap()), (*hexutil.Big)(tx.GasTipCap())
	shown["type"] = hexutil.Uint64(tx.Type())
	return shown, nil
}
