// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

// Token is an ERC-20 whose whole supply is the deployer's. kind makes it bad in one way:
//   0  as ERC-20 says
//   1  transfer says true and moves nothing, with no log
//   2  transfer keeps one unit for the token itself (a fee on transfer)
//   3  transfer writes its log twice
//   4  transfer answers false and changes nothing
//   5  transfer answers nothing (as USDT on Ethereum does)
//   6  transfer to the recipient 0x…dEaD reverts (a list of barred holders)
contract Token {
    string public name;
    string public symbol;
    uint8 public constant decimals = 0;
    uint256 public totalSupply = 1_000_000_000_000_000_000_000_000;
    uint8 public immutable kind;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    constructor(string memory name_, uint8 kind_) {
        name = name_;
        symbol = name_;
        kind = kind_;
        balanceOf[msg.sender] = totalSupply;
        emit Transfer(address(0), msg.sender, totalSupply);
    }

    function transfer(address to, uint256 value) external returns (bool) {
        if (kind == 1) return true;
        if (kind == 4) return false;
        require(kind != 6 || to != 0x000000000000000000000000000000000000dEaD, "barred holder");
        if (kind == 2) {
            move(msg.sender, address(this), 1);
            value -= 1;
        }
        move(msg.sender, to, value);
        if (kind == 3) emit Transfer(msg.sender, to, value);
        if (kind == 5) assembly { return(0, 0) }
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        require(allowed >= value, "transfer amount exceeds allowance");
        allowance[from][msg.sender] = allowed - value;
        move(from, to, value);
        return true;
    }

    function move(address from, address to, uint256 value) private {
        require(balanceOf[from] >= value, "transfer amount exceeds balance");
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
}
